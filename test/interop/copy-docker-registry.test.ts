import { after, before, describe, test } from "node:test";
import { missing } from "../support/docker-registry.ts";
import { dockerRegistryMedium, layoutMedium, type Medium, servedLayoutsMedium } from "../support/media.ts";
import { provesCopy } from "../support/round-trip.ts";

describe("a graph is copied whole", { skip: missing("docker-registry") }, () => {
  let docker: Medium;
  let layout: Medium;
  let served: Medium;
  before(async () => {
    docker = await dockerRegistryMedium();
    layout = await layoutMedium();
    served = await servedLayoutsMedium();
  });
  after(async () => {
    for (const medium of [docker, layout, served]) await medium.close();
  });
  test("from a layout to docker-registry", () => provesCopy(layout, docker));
  test("from docker-registry to a layout", () => provesCopy(docker, layout));
  test("from one repository of docker-registry to another", () => provesCopy(docker, docker));
  test("from docker-registry to our server", () => provesCopy(docker, served));
  test("from our server to docker-registry", () => provesCopy(served, docker));
});
