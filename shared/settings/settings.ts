export * from './kinds.js';
export { type LoadOptions, loadSettings, resolveSettings, type SettingReport } from './load.js';
export * from './setting.js';
export { type SettingProblem, SettingsError } from './settings-error.js';
export * from './shared.js';
