/** RFC 3339 in UTC, to the second, as images, signatures and created annotations carry it. */
export function formatTime(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, "Z");
}
