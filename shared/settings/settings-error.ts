/** One thing that is wrong with the settings. */
export interface SettingProblem {
  readonly name: string;
  /** As given; absent for secrets and for what is not set. */
  readonly value?: string;
  readonly expected: string;
}

/** Everything that is wrong with the settings, at once. */
export class SettingsError extends Error {
  readonly problems: readonly SettingProblem[];

  constructor(problems: readonly SettingProblem[]) {
    super(
      [
        `${problems.length} ${problems.length === 1 ? 'setting is' : 'settings are'} wrong:`,
        ...problems.map((problem) => `  ${formatProblem(problem)}`),
      ].join('\n'),
    );
    this.name = 'SettingsError';
    this.problems = problems;
  }
}

/** A setting that is right as it is written, and cannot be used here: a port that is taken, a file that is no certificate. */
export class UnusableSettingError extends Error {
  readonly problem: SettingProblem;

  constructor(problem: SettingProblem) {
    super(formatProblem(problem));
    this.name = 'UnusableSettingError';
    this.problem = problem;
  }
}

/** One line for people. */
export function formatProblem(problem: SettingProblem): string {
  const value = problem.value === undefined ? '' : `=${JSON.stringify(problem.value)}`;
  return `${problem.name}${value}: ${problem.expected}`;
}
