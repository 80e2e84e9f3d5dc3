import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { CoreUnderTest } from '../../tools/core-harness.js';

/** The part of `@xmpp/client` that is used; it has no types of its own. */
interface ForeignClient {
  start(): Promise<{ toString(): string }>;
  stop(): Promise<void>;
  send(stanza: unknown): Promise<void>;
  on(event: string, listener: (argument: never) => void): void;
  readonly socket: { destroy?(): void; readonly socket?: { destroy(): void } } | null;
  readonly streamManagement: { enabled: boolean; id: string; on(event: string, listener: () => void): void };
}
interface ForeignStanza {
  is(name: string): boolean;
  getChildText(name: string): string | null;
}

test('@xmpp/client enables stream management, and resumes after its socket broke', async () => {
  // the server's certificate is of its own making
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  const library = (await import(createRequire(import.meta.url).resolve('@xmpp/client'))) as {
    client(options: Record<string, string>): ForeignClient;
    xml(name: string, attributes: Record<string, string>, ...children: unknown[]): unknown;
  };
  const core = await CoreUnderTest.start({ C2S_REQUIRE_TLS: 'true' });
  await core.addUsers('romeo', 'juliet');
  const { host, port } = core.address();
  const make = (username: string, resource: string) =>
    library.client({
      service: `xmpp://${host}:${port}`,
      domain: 'localhost',
      username,
      password: 'secret',
      resource,
    });
  const juliet = make('juliet', 'balcony');
  const romeo = make('romeo', 'orchard');
  try {
    const bodies: string[] = [];
    let heard: (() => void) | null = null;
    juliet.on('error', () => {});
    romeo.on('error', () => {});
    juliet.on('stanza', ((stanza: ForeignStanza) => {
      if (stanza.is('message')) bodies.push(stanza.getChildText('body') ?? '');
      heard?.();
    }) as (argument: never) => void);
    const until = async (condition: () => boolean) => {
      const end = performance.now() + 15_000;
      while (!condition() && performance.now() < end) {
        await new Promise<void>((resolve) => {
          heard = resolve;
          setTimeout(resolve, 50);
        });
      }
      assert.ok(condition(), `so far: ${bodies.join()}`);
    };
    await juliet.start();
    await romeo.start();
    const say = (body: string) =>
      romeo.send(
        library.xml(
          'message',
          { to: 'juliet@localhost/balcony', type: 'chat' },
          library.xml('body', {}, body),
        ),
      );
    await juliet.send(library.xml('presence', {}));
    await until(() => juliet.streamManagement.enabled);
    await say('one');
    await until(() => bodies.includes('one'));
    const resumed = new Promise<void>((resolve) => juliet.streamManagement.on('resumed', resolve));
    const { id } = juliet.streamManagement;
    // inside TLS the socket is wrapped
    if (juliet.socket?.socket === undefined) juliet.socket?.destroy?.();
    else juliet.socket.socket.destroy();
    await say('two');
    await resumed;
    assert.equal(juliet.streamManagement.id, id);
    await until(() => bodies.filter((body) => body === 'two').length === 1);
  } finally {
    await juliet.stop();
    await romeo.stop();
    await core.stop();
  }
});
