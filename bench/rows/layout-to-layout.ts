import { rm } from "node:fs/promises";
import { join } from "node:path";
import { writeLayout } from "../fixture.ts";
import { type Racer, race, raceColumns, time } from "../measure.ts";
import { peer } from "../peer.ts";
import type { Bench, Row } from "../row.ts";
import { settle } from "../settle.ts";

/** layout → layout, one layer of 1 GiB that may be hard-linked, digests checked, durable on both sides. */
export function layoutToLayout(bench: Bench): Promise<Row> {
  return copyLayout(bench, "layout → layout, 1 GiB, a source that berth wrote: checked and linked", 0o444);
}

/** The same from a source whose files others may still write to, so that the bytes have to be copied. */
export function foreignLayoutToLayout(bench: Bench): Promise<Row> {
  return copyLayout(bench, "layout → layout, 1 GiB, a source that another tool wrote: checked and copied", 0o644);
}

async function copyLayout({ berth, folder, rounds }: Bench, title: string, mode: number): Promise<Row> {
  const source = join(folder, `one-gib-${mode.toString(8)}`);
  await writeLayout(source, [1024 ** 3], mode);
  const target = (name: string, round: number): string => join(folder, `ll-${name}-${round}`);
  const contender = (name: string, command: (target: string) => readonly string[]): Racer => ({
    name,
    before: settle,
    // The peers run in a shell, whose memory says nothing.
    run: (round, { watch }) => time(command(target(name, round)), { watch: watch && name === "berth" }),
    after: (round) => rm(target(name, round), { recursive: true, force: true }),
  });
  const durable = (command: string, to: string): readonly string[] => ["sh", "-c", `${command} && sync -f '${to}'`];
  const contenders = [
    contender("berth", (to) => [...berth, "copy", "-q", `ocidir://${source}:v1`, `ocidir://${to}:v1`]),
  ];
  const skopeo = peer("skopeo");
  if (skopeo) {
    contenders.push(
      contender("skopeo", (to) => durable(`skopeo --insecure-policy copy -q 'oci:${source}:v1' 'oci:${to}:v1'`, to)),
    );
  }
  const oras = peer("oras");
  if (oras) {
    contenders.push(
      contender("oras", (to) => durable(`oras cp --from-oci-layout '${source}:v1' --to-oci-layout '${to}:v1'`, to)),
    );
  }
  const entries = await race(contenders, rounds);
  await rm(source, { recursive: true });
  return {
    title,
    versions: { ...(skopeo ? { skopeo } : {}), ...(oras ? { oras } : {}) },
    columns: raceColumns({ skopeo: 0.35, oras: 0.8 }),
    entries,
  };
}
