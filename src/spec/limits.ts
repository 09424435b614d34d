/**
 * Caps on everything that a stranger sizes; docs/limits.md explains each.
 * Sizes are bytes.
 */
export const Limits: {
  /** A manifest or index held in memory. The distribution-spec asks for at least 4 MB. */
  readonly manifest: number;
  /** An image configuration. */
  readonly config: number;
  /** A layout's index.json: about 300,000 entries. */
  readonly layoutIndex: number;
  /** The oci-layout marker file. */
  readonly layoutMarker: number;
  /** JSON nesting. */
  readonly jsonDepth: number;
  /** A JSON answer of a registry that is not a manifest: tags, tokens. */
  readonly answer: number;
  /** A registry's error body. */
  readonly errorBody: number;
  /** Pages followed in one listing. */
  readonly pages: number;
  /** Referrers accepted of one subject. */
  readonly referrers: number;
} = {
  manifest: 4 * 1024 * 1024,
  config: 8 * 1024 * 1024,
  layoutIndex: 128 * 1024 * 1024,
  layoutMarker: 4096,
  jsonDepth: 64,
  answer: 16 * 1024 * 1024,
  errorBody: 64 * 1024,
  pages: 10_000,
  referrers: 100_000,
};
