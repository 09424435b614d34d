/** What is remembered of one repository that is followed; times in milliseconds of `performance.now`. */
export class FollowState {
  /** When its index.json is looked at again. */
  nextLook = 0;
  /** Before then it is not looked at, whoever asks. */
  mayLookAt = 0;
  /** The look that goes on. */
  looking: Promise<void> | undefined;
  /** It is taken in for the first time. */
  discovering: Promise<unknown> | undefined;
  /** When its index.json may be written again. */
  nextExport = 0;
  isExporting = false;
  /** Runs until it is due. */
  timer: NodeJS.Timeout | undefined;

  /** Whether nothing is lost when it is forgotten. */
  get isIdle(): boolean {
    return (this.looking ?? this.discovering) === undefined && this.timer === undefined && !this.isExporting;
  }

  clear(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
