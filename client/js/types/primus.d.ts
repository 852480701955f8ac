// The client of Primus servers. Times are in milliseconds.

/** What may be sent and received: what the parser can carry. */
export type Data = any;

export type Transformer =
  | 'websockets'
  | 'faye'
  | 'uws'
  | 'engine.io'
  | 'sockjs'
  | 'browserchannel';

export type ParserName = 'json' | 'ejson' | 'msgpack' | 'binary' | 'raw';

export type Packet = string | ArrayBuffer | ArrayBufferView;

/** A parser of your own. What is wrong with a value or a packet is thrown. */
export interface Parser {
  encode(value: Data): Packet;
  decode(packet: string | ArrayBuffer): Data;
}

/** A parser of your own, as Primus's server has them. */
export interface CallbackParser {
  encoder(value: Data, done: (error: unknown, packet?: Packet) => void): void;
  decoder(packet: string | ArrayBuffer, done: (error: unknown, value?: Data) => void): void;
}

/** What a transport hears of the client, and tells it. */
export interface Link {
  uri(options: UriOptions & { object: true }): UriParts;
  uri(options: UriOptions): string;
  readonly options: Readonly<Record<string, any>>;
  /** Gives a module of Node.js; where there are none it gives nothing, or is missing. */
  readonly requires?: (name: string) => any;
  opened(): void;
  received(packet: string | ArrayBuffer): void;
  failed(error: unknown): void;
  ended(): void;
}

export interface Connection {
  /** The id of the spark, where the transport knows it. */
  readonly id?: string;
  send(packet: Packet): void;
  close(): void;
}

/** A transport of your own: opens one connection. */
export type Transport = (link: Link) => Connection;

export type Strategy = 'disconnect' | 'online' | 'timeout';

export interface ReconnectOptions {
  /** The longest delay before an attempt. Default: Infinity. */
  max?: number;
  /** The delay before the first attempt, from which the others grow. Default: 500. */
  min?: number;
  /** How many attempts are made. Default: 10. */
  retries?: number;
  /** How long one attempt may take. Default: 30000. */
  'reconnect timeout'?: number;
  /** By how much the delay grows from attempt to attempt. Default: 2. */
  factor?: number;
}

export interface Options {
  /** The URL, when it is not the first argument. */
  url?: string | URL;
  /** The same as `url`. */
  uri?: string | URL;
  /** How to reconnect. */
  reconnect?: ReconnectOptions;
  /** How long a first connection may take; `false`: any time. Default: 10000. */
  timeout?: number | false;
  /** How long the server may be silent; `false`: any time. Default: 45000. */
  pingTimeout?: number | false;
  /**
   * When to reconnect: any of `disconnect`, `online` and `timeout`, in an array or separated by
   * commas; `false`: never. Default: all three, without `timeout` if there is authorization.
   */
  strategy?: Strategy[] | string[] | string | false;
  /** Waits for `open()`. Default: false. */
  manual?: boolean;
  /** Whether transports that can do without WebSockets may use them. Default: true. */
  websockets?: boolean;
  /** Listens to the browser's online and offline events. Default: where there are such. */
  network?: boolean;
  /** Options for the transport. */
  transport?: Record<string, any>;
  /** How many messages may wait for the connection; then the oldest goes. Default: Infinity. */
  queueSize?: number;
  /** The transport, which must be the server's. Default: `websockets`. */
  transformer?: Transformer | Transport;
  /** The parser, which must be the server's. Default: `json`. */
  parser?: ParserName | Parser | CallbackParser;
  /** The path of Primus on the server. Default: `/primus`. */
  pathname?: string;
  /** Whether the server has an authorization handler. Default: false. */
  authorization?: boolean;
  /** The class of WebSockets to use. Default: that of the platform. */
  WebSocket?: new (url: string, ...rest: any[]) => any;
  /** Options of plugins. */
  [plugin: string]: any;
  /** Removed from Primus: an error. */
  ping?: never;
  /** Removed from Primus: an error. */
  pong?: never;
}

/** A procedure of reconnecting: one object from its first attempt to its end. */
export interface Attempt extends Required<ReconnectOptions> {
  /** The number of this attempt, from 1. */
  attempt: number;
  /** The delay before this attempt. */
  scheduled: number;
  /** When the procedure began, in milliseconds since 1970. */
  start: number;
  /** How long it has taken. */
  duration: number;
  /** Whether the attempt is still waited for. */
  backoff: boolean;
}

export interface UriOptions {
  /** `http:` or `ws:`; becomes secure by itself. Default: `http:`. */
  protocol?: string;
  /** Includes the query string. Default: false. */
  query?: boolean | string;
  /** Asks for the parts instead of the URL. Default: false. */
  object?: boolean;
  secure?: boolean;
  auth?: string;
  pathname?: string;
  port?: number;
}

/** From these the URL of a connection is made. A listener of `outgoing::url` may change them. */
export interface UriParts {
  protocol: string;
  secure: boolean;
  auth: string;
  pathname: string;
  port: number;
  query: string;
  object?: boolean;
}

/** A URL, with the names that npm url-parse has for two of its parts. */
export interface Address extends URL {
  /** User name and password. */
  auth: string;
  /** The query string, with its question mark. */
  query: string;
}

export type ReadyState = 1 | 2 | 3;

/** The events, with the arguments of their listeners. */
export interface Events {
  open: [];
  data: [data: Data, raw: Packet];
  error: [error: Error];
  close: [];
  end: [];
  destroy: [];
  timeout: [];
  online: [];
  offline: [];
  readyStateChange: [state: 'opening' | 'open' | 'end'];
  'reconnect scheduled': [attempt: Attempt];
  reconnect: [attempt: Attempt, done: (error?: Error) => void];
  reconnected: [attempt: Attempt];
  'reconnect timeout': [error: Error, attempt: Attempt];
  'reconnect failed': [error: Error, attempt: Attempt];
  'incoming::open': [];
  'incoming::data': [raw: Packet];
  'incoming::error': [error: unknown];
  'incoming::end': [];
  'incoming::ping': [time: number];
  'incoming::id': [id: string];
  'outgoing::open': [];
  'outgoing::data': [packet: Packet];
  'outgoing::reconnect': [];
  'outgoing::end': [];
  'outgoing::pong': [time: number];
  'outgoing::url': [parts: UriParts];
}

type Listener<K> = K extends keyof Events ? (...args: Events[K]) => void : (...args: any[]) => void;

type EventName = keyof Events | (string & {}) | symbol;

/** What `pipe` can write to. */
export interface Target {
  write(data: any): any;
  end(): any;
  once(event: string, listener: (...args: any[]) => void): any;
  emit(event: string, ...args: any[]): any;
}

export declare class Emitter {
  on<K extends EventName>(event: K, fn: Listener<K>, context?: unknown): this;
  once<K extends EventName>(event: K, fn: Listener<K>, context?: unknown): this;
  addListener<K extends EventName>(event: K, fn: Listener<K>, context?: unknown): this;
  off<K extends EventName>(event: K, fn?: Listener<K>, context?: unknown, once?: boolean): this;
  removeListener<K extends EventName>(
    event: K,
    fn?: Listener<K>,
    context?: unknown,
    once?: boolean,
  ): this;
  removeAllListeners(event?: EventName): this;
  listeners(event: EventName): Array<(...args: any[]) => void>;
  listenerCount(event: EventName): number;
  eventNames(): Array<string | symbol>;
  /** Whether anyone listened. */
  emit<K extends EventName>(
    event: K,
    ...args: K extends keyof Events ? Partial<Events[K]> : any[]
  ): boolean;
  /**
   * A function that emits the event with its arguments. A function as last argument is asked first:
   * it calls `next(error, replacement)`.
   */
  emits(event: EventName, ...args: any[]): (...values: any[]) => boolean;
  /** Writes every message to a stream, and ends it with the connection. */
  pipe<T extends Target>(target: T, options?: { end?: boolean }): T;
}

export interface MessagePacket {
  data: Data;
}

/**
 * With one parameter: returning `false` drops the message. With two it takes its time: calling back
 * with `false` drops the message, with an error emits `error` and drops it.
 */
export type Transform = (
  this: PrimusClient,
  packet: MessagePacket,
  next: (error?: unknown, keep?: boolean) => void,
) => unknown;

export type Plugin = (this: PrimusClient, primus: PrimusClient, options: Options) => void;

export interface Recovery {
  readonly attempt: Attempt | null;
  reconnecting(): boolean;
}

export interface PrimusClient extends Emitter {
  readonly readyState: ReadyState;
  readonly online: boolean;
  readonly writable: boolean;
  readonly readable: boolean;
  /** Messages that wait for the connection. */
  readonly buffer: Data[];
  readonly url: Address;
  readonly options: Options;
  readonly transport: Record<string, any>;
  readonly recovery: Recovery;
  readonly version: string;
  readonly pathname: string;
  readonly authorization: boolean;
  /** All plugins by name, shared by all clients. */
  readonly ark: Record<string, Plugin>;
  /** Opens a connection. There must be none, nor a reconnect under way. */
  open(): this;
  /** Sends a message, or keeps it until the connection is open. */
  write(data: Data): true;
  /** Closes the connection for good, after one last message if there is one. */
  end(data?: Data): this;
  /** Ends the client and frees all it has. False if that was done before. */
  destroy(): boolean;
  /** Calls back with the id of the spark. */
  id(fn: (id: string) => void): unknown;
  /**
   * Gives the server a new credential in the place of the one that expires (AllSpark's option
   * `auth-expiry`). It answers with the message `{"authorization":"renewed","expires":<ms>}`.
   */
  renewAuthorization(credential: string): this;
  /** Adds a transform of messages. */
  transform(type: 'incoming' | 'outgoing', fn: Transform): this;
  /** The plugin of that name, or all of them. */
  plugin(name: string): Plugin | undefined;
  plugin(): Record<string, Plugin>;
  // What the client calls itself; plugins put others in the place of these.
  initialise(options: Options): this;
  heartbeat(): this;
  timeout(): this;
  protocol(message: Data): boolean;
  transforms(
    primus: PrimusClient,
    connection: PrimusClient,
    type: 'incoming' | 'outgoing',
    data: Data,
    raw?: Packet,
  ): this;
  encoder(value: Data, done: (error: unknown, packet?: Packet) => void): void;
  decoder(packet: string | ArrayBuffer, done: (error: unknown, value?: Data) => void): void;
  /** Whether an event is one of Primus's own. */
  reserved: { (event: string): boolean; events: Record<string, 1> };
  /** Emits `error`, or throws if nobody listens. */
  critical(error: Error): this;
  /** Makes the URL of a connection. */
  uri(options: UriOptions & { object: true }): UriParts;
  uri(options?: UriOptions): string;
  parse(url: string | URL): Address;
  querystring(query: string): Record<string, string>;
  querystringify(values: Record<string, unknown>): string;
  merge<T extends object, S extends object[]>(target: T, ...sources: S): T & S[number];
  clone<T extends object>(source: T): T;
}

/** A plugin as a server has it. For a client its client half and its library count. */
export interface SocketPlugin {
  /** Called with each client; runs from its source, with the class as `Primus`. */
  client?: ((this: any, primus: any, options: any) => void) | string;
  server?: (...args: any[]) => void;
  /** Statements that run once, with the class as `Primus`. */
  library?: string;
}

/** What a server was told, for `createSocket`. */
export interface SocketOptions {
  transformer?: Transformer;
  parser?: ParserName | Parser | CallbackParser;
  pathname?: string;
  /** Milliseconds between two pings; `false` without heartbeats. */
  pingInterval?: number | false;
  authorization?: boolean;
  /** Plugins by name, or names of modules that are plugins, separated by commas or blanks. */
  plugin?: string | Record<string, string | SocketPlugin>;
}

export interface PrimusConstructor {
  new (url?: string | URL | Options, options?: Options): PrimusClient;
  (url?: string | URL | Options, options?: Options): PrimusClient;
  readonly prototype: PrimusClient;
  connect(url?: string | URL | Options, options?: Options): PrimusClient;
  /** A class whose clients match a server. In Node.js only. */
  createSocket(options?: SocketOptions): PrimusConstructor;
  readonly OPENING: 1;
  readonly CLOSED: 2;
  readonly OPEN: 3;
  /** A module of Node.js; nothing in browsers. */
  requires(name: string): any;
  require(name: string): any;
  readonly EventEmitter: typeof Emitter;
  readonly Stream: typeof Emitter;
}

export declare const Primus: PrimusConstructor;
export type Primus = PrimusClient;
export default Primus;
