import type { Core } from './core.js';

/** One XEP that a feature implements, as it appears in the DOAP file. */
interface XepReference {
  readonly id: string;
  readonly version: string;
  readonly status?: 'complete' | 'partial';
  readonly note?: string;
}

/** One metric a feature reports, for the generated list. */
interface MetricDeclaration {
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels?: readonly string[];
}

/**
 * A capability of the core, declared once: what it implements and reports, and what it registers in `setup`,
 * disco among it. The DOAP file and the metrics list are made from these declarations.
 */
export interface Feature {
  readonly name: string;
  readonly xeps?: readonly XepReference[];
  /** RFCs and their sections. */
  readonly specifications?: readonly string[];
  readonly metrics?: readonly MetricDeclaration[];
  /** Registers stream features, IQ handlers, disco features, hooks; runs once, before any listener. */
  setup(core: Core): void;
  /** Runs when the storage and all features are set up, before any listener. */
  start?(core: Core): Promise<void>;
  /** Runs when the core stops, after the streams have closed. */
  stop?(core: Core): Promise<void>;
}

/** Declares a {@link Feature}; exists so that declarations read alike and are checked where they are written. */
export function defineFeature(feature: Feature): Feature {
  return feature;
}
