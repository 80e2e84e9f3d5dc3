import type { Element } from '../../shared/xml/element.js';
import type { FieldValue, FormDeclaration } from '../../shared/xmpp/forms.js';
import type { Jid } from '../../shared/xmpp/jid.js';

/** What a command tells whoever ran it: a form of results, other payloads, a sentence. */
export interface CommandOutcome {
  readonly note?: { readonly type: 'info' | 'warn' | 'error'; readonly text: string };
  readonly payloads?: readonly Element[];
}

export interface CommandRequest {
  readonly from: Jid;
  /** The hosted domain that was asked. */
  readonly to: Jid;
  /** The checked submission; empty for a command without a form. */
  readonly values: Readonly<Record<string, FieldValue>>;
}

/** One ad-hoc command of the server (XEP-0050): at most one form, then a result. */
export interface AdHocCommand {
  readonly node: string;
  readonly name: string;
  /** Who sees it and may run it. */
  allowed(who: Jid): boolean;
  /** What is asked first, made anew for each execution; absent: it runs at once. */
  form?(request: Pick<CommandRequest, 'from' | 'to'>): FormDeclaration;
  run(request: CommandRequest): CommandOutcome | Promise<CommandOutcome>;
}

/** Every ad-hoc command of the server, by node; features add theirs in `setup`. */
export class CommandRegistry {
  readonly #commands = new Map<string, AdHocCommand>();

  add(command: AdHocCommand): void {
    if (this.#commands.has(command.node)) throw new Error(`command ${command.node} is registered twice`);
    this.#commands.set(command.node, command);
  }

  find(node: string): AdHocCommand | undefined {
    return this.#commands.get(node);
  }

  visibleTo(who: Jid): AdHocCommand[] {
    return [...this.#commands.values()].filter((command) => command.allowed(who));
  }

  all(): Iterable<AdHocCommand> {
    return this.#commands.values();
  }
}
