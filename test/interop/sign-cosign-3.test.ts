import { COSIGN_3 } from "./cosign-peer.ts";
import { signsBothWays } from "./cosign-signing.ts";

signsBothWays(COSIGN_3);
