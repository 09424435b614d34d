/** What a remote store tells about its way; every field is safe to print. */
export type RemoteEvent =
  | {
      readonly type: "retry";
      readonly what: string;
      readonly attempt: number;
      readonly pause: number;
      readonly reason: string;
    }
  | { readonly type: "redirect"; readonly from: string; readonly to: string }
  | { readonly type: "token"; readonly realm: string; readonly scope: string }
  | { readonly type: "resume"; readonly digest: string; readonly offset: number }
  | { readonly type: "warning"; readonly host: string; readonly text: string }
  | { readonly type: "fallback-tag"; readonly tag: string; readonly repository: string };

export type OnRemoteEvent = (event: RemoteEvent) => void;
