import { parsePlatformText, type Platform } from "../spec/platform.ts";
import { textsOf } from "./fields.ts";
import { type Located, wrong } from "./located.ts";

/** Platforms as people write them. @throws OciError FILE_INVALID */
export function platformsOf(node: Located, what: string): readonly Platform[] {
  return textsOf(node, what).map((text) => {
    try {
      return parsePlatformText(text);
    } catch (error) {
      throw wrong(node, error instanceof Error ? error.message : what);
    }
  });
}
