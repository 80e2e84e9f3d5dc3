// Types only, until the module lands.
export declare function escapeText(text: string): string;
export declare function escapeAttribute(value: string): string;
