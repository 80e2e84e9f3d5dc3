import { AddressList } from '../../shared/net/address-list.js';

interface AddressSettings {
  readonly BANNED_ADDRESSES: readonly string[];
  readonly LIMIT_EXEMPT_ADDRESSES: readonly string[];
}

/** What the operator says of addresses: with whom nobody talks, and whom no limit per address concerns. */
export class AddressRules {
  #banned = new AddressList([]);
  #exempt = new AddressList([]);

  constructor(settings: AddressSettings) {
    this.reload(settings);
  }

  reload(settings: AddressSettings): void {
    this.#banned = new AddressList(settings.BANNED_ADDRESSES);
    this.#exempt = new AddressList(settings.LIMIT_EXEMPT_ADDRESSES);
  }

  banned(address: string): boolean {
    return this.#banned.has(address);
  }
  exempt(address: string): boolean {
    return this.#exempt.has(address);
  }
}
