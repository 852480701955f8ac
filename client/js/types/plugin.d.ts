/** The client half of a plugin, for `createSocket` and for `Primus.prototype.ark`. */
export declare const client: (this: any, primus: any, options: any) => void;

declare const plugin: { client: typeof client };
export default plugin;
