import type { Descriptor } from "../spec/descriptor.ts";
import { style } from "./style.ts";

const UNITS = ["KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** `1.5 MiB`; below 1 KiB in bytes. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1023.95 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(1)} ${UNITS[unit]}`;
}

/** `3 tags`, `1 tag`. */
export function formatCount(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`;
}

/** `59 min`; below two minutes in seconds, above two hours in hours. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000);
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.ceil(seconds / 60)} min` : `${Math.ceil(seconds / 3600)} h`;
}

/** `Name: value` lines, the values in one column. */
export function formatFields(fields: readonly (readonly [string, string | number | undefined])[]): readonly string[] {
  const shown = fields.filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${style.dim(`${name}:`)}${" ".repeat(width - name.length + 1)}${value}`);
}

/** A descriptor, for people. */
export function formatDescriptor(descriptor: Descriptor): readonly string[] {
  return formatFields([
    ["digest", descriptor.digest],
    ["mediaType", descriptor.mediaType],
    ["size", descriptor.size],
    ["artifactType", descriptor.artifactType],
  ]);
}
