import assert from 'node:assert/strict';
import { BoshClient } from './bosh-client.js';

/** A user of our core over BOSH, request by request. The core must offer PLAIN (`CLIENT_LINK_ALLOW_PLAIN`). */
export class BoshUser {
  readonly client: BoshClient;
  jid = '';

  constructor(port: number) {
    this.client = new BoshClient(port);
  }

  /** Creates the session and authenticates (password `secret`); the stream is restarted. */
  async authenticate(user: string, domain = 'localhost'): Promise<this> {
    await this.client.create({ to: domain, wait: 1 });
    const plain = Buffer.from(`\0${user}\0secret`).toString('base64');
    await this.until(
      /<success /,
      `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`,
    );
    const { text } = await this.client.send({ 'xmpp:restart': 'true', to: domain });
    assert.match(text, /<stream:features/);
    return this;
  }

  /** Authenticates and binds. */
  async login(user: string, resource: string): Promise<this> {
    await this.authenticate(user);
    await this.bind(resource);
    return this;
  }

  async bind(resource: string): Promise<void> {
    const text = await this.until(
      /<iq[^>]*type='result'/,
      `<iq type='set' id='bind' xmlns='jabber:client'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>${resource}</resource></bind></iq>`,
    );
    this.jid = /<jid>([^<]*)<\/jid>/.exec(text)?.[1] ?? '';
  }

  /** Sends payloads, then asks until what came has the pattern; resolves with all of it. */
  async until(pattern: RegExp, payload = ''): Promise<string> {
    let { text } = await this.client.send({}, payload);
    for (let i = 0; i < 20 && !pattern.test(text); i++) text += (await this.client.send()).text;
    assert.match(text, pattern);
    return text;
  }
}
