// `require` gives the class itself.

import type * as types from './primus.js' with { 'resolution-mode': 'import' };

declare const Primus: types.PrimusConstructor;

/** A client. */
type Primus = types.PrimusClient;

declare namespace Primus {
  type Options = types.Options;
  type ReconnectOptions = types.ReconnectOptions;
  type Attempt = types.Attempt;
  type Events = types.Events;
  type Parser = types.Parser;
  type CallbackParser = types.CallbackParser;
  type Transport = types.Transport;
  type MessagePacket = types.MessagePacket;
  type Transform = types.Transform;
  type Plugin = types.Plugin;
  type SocketPlugin = types.SocketPlugin;
  type SocketOptions = types.SocketOptions;
  type PrimusClient = types.PrimusClient;
}

export = Primus;
