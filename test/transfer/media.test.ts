import { after, before, describe, test } from "node:test";
import { layoutMedium, type Medium, memoryMedium, servedLayoutsMedium, servedMemoryMedium } from "../support/media.ts";
import { provesCopy } from "../support/round-trip.ts";

const MEDIA: Readonly<Record<string, () => Promise<Medium>>> = {
  memory: memoryMedium,
  layout: layoutMedium,
  "our server over memory": servedMemoryMedium,
  "our server over layouts": servedLayoutsMedium,
};

describe("a graph is copied whole", () => {
  const opened = new Map<string, Medium>();
  before(async () => {
    for (const [name, open] of Object.entries(MEDIA)) opened.set(name, await open());
  });
  after(async () => {
    for (const medium of opened.values()) await medium.close();
  });
  for (const from of Object.keys(MEDIA)) {
    for (const to of Object.keys(MEDIA)) {
      test(`from ${from} to ${to}`, async () => {
        const source = opened.get(from);
        const target = opened.get(to);
        if (source && target) await provesCopy(source, target);
      });
    }
  }
});
