/** The distribution API over any registry. */
export { type Access, type Authorize, type Verdict } from "./authorize.ts";
export { createHandler, type Handler, type HandlerOptions } from "./handler.ts";
export { type ContentBody, type HeaderFields, type ServerRequest, type ServerResponse } from "./message.ts";
export { type PaceOptions } from "./pace.ts";
export { type RunningServer, serve, type ServeOptions, type ServerEvent } from "./serve.ts";
export { type UploadSessionsOptions } from "./upload-sessions.ts";
