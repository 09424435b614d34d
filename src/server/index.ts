/** The distribution API over any registry. */
export { type Access, type Authorize, type Verdict } from "./authorize.ts";
export { createGate, type Gate, type GateOptions } from "./gate/gate.ts";
export {
  type GateEvent,
  type GateJudge,
  type JudgedFinding,
  type JudgedRule,
  type Judgement,
  type Question,
} from "./gate/judge.ts";
export { createHandler, type Handler, type HandlerOptions } from "./handler.ts";
export { type ContentBody, type HeaderFields, type ServerRequest, type ServerResponse } from "./message.ts";
export { type PaceOptions } from "./pace.ts";
export { parsePushers, type Pushers } from "./pushers.ts";
export { type RouteKind } from "./route.ts";
export { type RunningServer, serve, type ServeOptions, type ServerEvent, type ServerLoad } from "./serve.ts";
export { type UploadSessionsOptions } from "./upload-sessions.ts";
