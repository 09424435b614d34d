/**
 * Caps on everything that a stranger sizes; docs/limits.md explains each.
 * Sizes are bytes.
 */
export const Limits: {
  /** A manifest or index held in memory. The distribution-spec asks for at least 4 MB. */
  readonly manifest: number;
  /** Manifests on their way into a server, of all its clients together. */
  readonly heldBodies: number;
  /** What of each of them does not count there. */
  readonly smallBody: number;
  /** Answers in a server's memory that their clients have not taken, all together. */
  readonly unsentBodies: number;
  /** Blobs whose size a server remembers, to tell files that were cut short. */
  readonly knownSizes: number;
  /** Blobs of a repository that are known to be whole as long as their files do not change. */
  readonly verifiedFiles: number;
  /** An image configuration. */
  readonly config: number;
  /** A layout's index.json: about 300,000 entries. */
  readonly layoutIndex: number;
  /** The oci-layout marker file. */
  readonly layoutMarker: number;
  /** What one run leaves for the next one: where a scrub stands, when garbage was collected. */
  readonly note: number;
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
  /** Hops followed from one request. */
  readonly redirects: number;
  /** A WWW-Authenticate or Link header. */
  readonly header: number;
  /** A file of credentials, or what a credential helper prints. */
  readonly credentials: number;
  /** Manifests that a remote store keeps in memory, in all. */
  readonly manifestCache: number;
  /** Manifests and small blobs that a server keeps in memory, in all. */
  readonly contentCache: number;
  /** The largest of those. */
  readonly contentCacheEntry: number;
  /** The largest blob among those; larger ones are read from the disk each time. */
  readonly smallBlob: number;
  /** Entries of one tar. */
  readonly tarEntries: number;
  /** Files and folders of an image that are held in memory to be listed, compared or flattened. */
  readonly imageFiles: number;
  /** All their names together. */
  readonly imageNames: number;
  /** Folders inside each other in an image. */
  readonly imageDepth: number;
  /** Parts of paths walked to put an image's files in their places, links included: what a hostile image costs at most. */
  readonly imageSteps: number;
  /** Links followed on the way to one file of an image. */
  readonly imageLinks: number;
  /** The table of contents of a layer that is made for lazy pulling. */
  readonly layerToc: number;
  /** Contents of an image's files that are kept in memory while their layers are read, all together. */
  readonly keptContent: number;
  /** A text file whose differences are shown line by line. */
  readonly diffFile: number;
  /** Entries of one folder that a pull unpacks. */
  readonly folderEntries: number;
  /** Nodes of one discovered graph. */
  readonly discoverNodes: number;
  /** Levels of a discovered graph: referrers of referrers, indexes in indexes. */
  readonly discoverDepth: number;
  /** One extended header of a tar: long names and attributes. */
  readonly tarHeader: number;
  /** Entries of an archive: a layout in a tar, or a docker archive. */
  readonly archiveEntries: number;
  /** What is kept in a temporary file of an archive that comes compressed or on standard input. */
  readonly archiveSpool: number;
  /** What one compressed layer may unpack to. */
  readonly decompressed: number;
  /** How many times its compressed size a layer may unpack to, once it is past `decompressedFree`. */
  readonly decompressionRatio: number;
  /** What a compressed layer may unpack to whatever the ratio: empty disk images compress well. */
  readonly decompressedFree: number;
  /** Signatures and attestations that are looked at on one subject; beyond them nothing is verified. */
  readonly signatures: number;
  /** One signature or attestation. */
  readonly signature: number;
  /** All signatures and attestations of one subject that are read together. */
  readonly signatureBytes: number;
  /** A plain file that is signed or verified; it is held in memory. */
  readonly signedFile: number;
  /** A file with a key. */
  readonly key: number;
  /** A file that says whose certificates and logs are trusted, or which services sign. */
  readonly trustedRoot: number;
  /** A token that says who somebody is. */
  readonly identityToken: number;
  /** Memory that the key derivation of an encrypted key may ask for. */
  readonly keyMemory: number;
  /** What that derivation may cost: scrypt's N times r times p. Keys of cosign are at 524,288. */
  readonly keyWork: number;
  /** A file of certificates: a chain, or one of a trust store. */
  readonly certificates: number;
  /** Files of one named trust store. */
  readonly trustStoreFiles: number;
  /** A trust policy. */
  readonly trustPolicy: number;
  /** What a signing plug-in prints. */
  readonly pluginOutput: number;
  /** What a token of keys prints. */
  readonly tokenOutput: number;
  /** A timestamp of an authority. */
  readonly timestamp: number;
  /** A policy's file. */
  readonly policy: number;
  /** Characters of one expression of a policy. */
  readonly expression: number;
  /** Milliseconds that one expression may take over one image or statement. */
  readonly expressionTime: number;
  /** One SBOM or scan that a policy reads. */
  readonly report: number;
  /** Findings of one scan, or components of one SBOM. */
  readonly reportEntries: number;
  /** Images of one index that a policy looks at. */
  readonly policyImages: number;
  /** Documents of one image that a policy reads. */
  readonly policyDocuments: number;
  /** Manifests of which a server's gate remembers what they are. */
  readonly gateManifests: number;
  /** Images of one repository whose decisions a server's gate remembers. */
  readonly gateVerdicts: number;
  /** Images that a server's gate is to decide about before anybody asks. */
  readonly gateWaiting: number;
} = {
  manifest: 4 * 1024 * 1024,
  heldBodies: 32 * 1024 * 1024,
  smallBody: 64 * 1024,
  unsentBodies: 64 * 1024 * 1024,
  knownSizes: 20_000,
  verifiedFiles: 10_000,
  config: 8 * 1024 * 1024,
  layoutIndex: 128 * 1024 * 1024,
  layoutMarker: 4096,
  note: 64 * 1024,
  jsonDepth: 64,
  answer: 16 * 1024 * 1024,
  errorBody: 64 * 1024,
  pages: 10_000,
  referrers: 100_000,
  redirects: 5,
  header: 16 * 1024,
  credentials: 1024 * 1024,
  manifestCache: 16 * 1024 * 1024,
  contentCache: 16 * 1024 * 1024,
  contentCacheEntry: 1024 * 1024,
  smallBlob: 64 * 1024,
  tarEntries: 10_000_000,
  imageFiles: 2_000_000,
  imageNames: 256 * 1024 * 1024,
  imageDepth: 2048,
  imageSteps: 100_000_000,
  imageLinks: 255,
  layerToc: 64 * 1024 * 1024,
  keptContent: 32 * 1024 * 1024,
  diffFile: 1024 * 1024,
  folderEntries: 500_000,
  discoverNodes: 100_000,
  discoverDepth: 100,
  tarHeader: 1024 * 1024,
  archiveEntries: 500_000,
  archiveSpool: 256 * 1024 ** 3,
  decompressed: 256 * 1024 ** 3,
  decompressionRatio: 200,
  decompressedFree: 1024 ** 3,
  signatures: 1000,
  signature: 32 * 1024 * 1024,
  signatureBytes: 128 * 1024 * 1024,
  signedFile: 512 * 1024 * 1024,
  key: 64 * 1024,
  trustedRoot: 4 * 1024 * 1024,
  identityToken: 64 * 1024,
  keyMemory: 256 * 1024 * 1024,
  keyWork: 4_000_000,
  certificates: 1024 * 1024,
  trustStoreFiles: 1000,
  trustPolicy: 1024 * 1024,
  pluginOutput: 32 * 1024 * 1024,
  tokenOutput: 1024 * 1024,
  timestamp: 256 * 1024,
  policy: 1024 * 1024,
  expression: 4096,
  expressionTime: 1000,
  report: 64 * 1024 * 1024,
  reportEntries: 500_000,
  policyImages: 1000,
  policyDocuments: 100,
  gateManifests: 50_000,
  gateVerdicts: 10_000,
  gateWaiting: 10_000,
};
