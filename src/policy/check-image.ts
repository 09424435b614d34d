import { Annotation } from "../spec/annotation.ts";
import type { Annotations } from "../spec/descriptor.ts";
import { formatPlatform, matchesPlatform } from "../spec/platform.ts";
import type { Verdict } from "./decision.ts";
import { imageSize, imageVariables } from "./image-variables.ts";
import { CLOCK_SKEW, endingAt, type Inquiry } from "./inquiry.ts";
import type { Requirement, RequirementKind, TextRules } from "./policy.ts";
import type { SubjectNode } from "./subject.ts";
import { matchesAny } from "./text-pattern.ts";

type Of<Kind extends RequirementKind> = Extract<Requirement, { readonly kind: Kind }>;

/** Labels or annotations: each has to be there and look as it should. */
export function checkTexts(wanted: TextRules, given: Annotations | undefined, what: string): Verdict {
  if (given === undefined) return { holds: false, found: `no ${what}s`, missing: `an image with ${what}s` };
  const lacking: string[] = [];
  const found: string[] = [];
  for (const [key, pattern] of Object.entries(wanted)) {
    const value = Object.hasOwn(given, key) ? given[key] : undefined;
    if (value !== undefined) found.push(`${key}=${value.slice(0, 200)}`);
    if (value === undefined || !pattern.matches(value)) lacking.push(`${key}=${pattern.text}`);
  }
  return {
    holds: lacking.length === 0,
    found: found.join(", ") || `no such ${what}`,
    ...(lacking.length === 0 ? {} : { missing: `the ${what} ${lacking.join(", ")}` }),
  };
}

/** What an image says that it is built on. */
export function checkBase({ names, digests }: Of<"base">, { manifest, config }: SubjectNode): Verdict {
  const said = { ...config?.run.labels, ...manifest.annotations };
  const name = Object.hasOwn(said, Annotation.BaseName) ? said[Annotation.BaseName] : undefined;
  const digest = Object.hasOwn(said, Annotation.BaseDigest) ? said[Annotation.BaseDigest] : undefined;
  const found = name === undefined && digest === undefined ? "no base image named" : `${name ?? ""}@${digest ?? ""}`;
  const lacking = [
    ...(names.length > 0 && !(name !== undefined && matchesAny(names, name))
      ? [`a base named ${names.map(({ text }) => text).join(" or ")}`]
      : []),
    ...(digests.length > 0 && !digests.some((each) => each === digest) ? [`a base of ${digests.join(" or ")}`] : []),
  ];
  return { holds: lacking.length === 0, found, ...(lacking.length === 0 ? {} : { missing: lacking.join(", ") }) };
}

export function checkAge({ max }: Of<"age">, { config }: SubjectNode, { now }: Inquiry): Verdict {
  const text = config?.created;
  const created = Date.parse(text ?? "");
  if (text === undefined || Number.isNaN(created)) {
    return { holds: false, found: "no time of creation", missing: "an image that says when it was made" };
  }
  const age = now.getTime() - created;
  const found = `made at ${text}`;
  if (age < -CLOCK_SKEW) return { holds: false, found, missing: "an image that is not of the future" };
  if (age <= max) return { holds: true, found, ...endingAt(created + max + 1) };
  return { holds: false, found, missing: `an image made since ${new Date(now.getTime() - max).toISOString()}` };
}

export function checkSize({ max }: Of<"size">, node: SubjectNode): Verdict {
  const size = imageSize(node);
  const known = node.manifest.form === "image" || node.manifest.form === "artifact";
  if (!known)
    return { holds: false, found: `a ${node.descriptor.mediaType}`, missing: "something whose size is known" };
  const found = `${size} bytes`;
  return size <= max
    ? { holds: true, found, details: { size } }
    : { holds: false, found, missing: `at most ${max} bytes`, details: { size } };
}

/** Of the whole: which platforms it is for. */
export function checkPlatforms({ include, only }: Of<"platforms">, { subject }: Inquiry): Verdict {
  const offered = subject.images.map(({ platform }) => platform);
  const found = offered.map((platform) => (platform ? formatPlatform(platform) : "none")).join(", ");
  const lacking = include.filter((wanted) => !offered.some((each) => each && matchesPlatform(each, wanted)));
  const beyond = only
    ? subject.images.filter(({ platform }) => !platform || !only.some((wanted) => matchesPlatform(platform, wanted)))
    : [];
  const missing = [
    ...(lacking.length > 0 ? [`an image for ${lacking.map(formatPlatform).join(", ")}`] : []),
    ...(beyond.length > 0 ? [`nothing but ${(only ?? []).map(formatPlatform).join(", ")}`] : []),
  ];
  return {
    holds: missing.length === 0,
    found: found === "" ? "no images" : found,
    ...(missing.length === 0 ? {} : { missing: missing.join(", and ") }),
  };
}

export function checkExpression({ where, message }: Of<"expression">, node: SubjectNode, inquiry: Inquiry): Verdict {
  const outcome = where.evaluate(imageVariables(node, inquiry));
  if ("problem" in outcome) {
    return {
      holds: false,
      found: `an expression that cannot be evaluated: ${outcome.problem}`,
      missing: message ?? where.text,
    };
  }
  return outcome.value
    ? { holds: true, found: where.text }
    : { holds: false, found: "it is not true", missing: message ?? where.text };
}
