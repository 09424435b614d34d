import { COSIGN_2 } from "./cosign-peer.ts";
import { signsBothWays } from "./cosign-signing.ts";

signsBothWays(COSIGN_2);
