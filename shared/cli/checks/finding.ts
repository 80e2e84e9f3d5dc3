/** One thing that `entourage check` looked at. */
export interface Finding {
  readonly level: 'ok' | 'note' | 'warning' | 'error';
  /** `settings`, `ports`, `certificates`, `secrets`, `dns`, `storage`, `components`. */
  readonly area: string;
  readonly message: string;
}

export const finding = (level: Finding['level'], area: string, message: string): Finding => ({
  level,
  area,
  message,
});
