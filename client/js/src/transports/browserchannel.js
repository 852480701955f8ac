// The transport of browserchannel: version 8 of the protocol of Closure's goog.net.BrowserChannel,
// with the messages of the npm package browserchannel 2.
//
// The client sends with POSTs, one at a time: maps, numbered from 0, with text as `_S` and bytes as
// the JSON of a Buffer. The server sends arrays, numbered too, on the back channel: a GET that is
// kept open. Each request says which array came last (`AID`), so what a lost answer contained comes
// again. Requests that fail are made again, as often and as late as Closure does it.
//
// Closure first asks `/test` for a prefix for host names, which the package does not need, and
// whether something on the way holds answers back. Here the session is opened at once and the
// second question asked meanwhile: if it turns out so, the back channel is polled (`CI=1`).
// Option of `transport`: `failFast` (nothing is tried again).

import { bytesOf } from './base64.js';
import { extend, request, tell, unique } from './http.js';

export const browserchannel = (link) => new BrowserChannel(link);

// How often a POST is made again, and the back channel if no array came in between.
const POST_RETRIES = 2;
const BACK_RETRIES = 3;

// The first time at once, then after so long, and up to three times that.
const RETRY_MS = 5000;

// How long a POST and the back channel may bring nothing. Servers say `noop` every 20 seconds.
const POST_SILENCE_MS = 20_000;
const BACK_SILENCE_MS = 45_000;

// How long arrays that the server has sent may take to arrive, if they are no more than these.
const ARRIVAL_MS = 6000;
const ARRIVAL_BYTES = 37_500;

// How long a goodbye may take, with everything that was written before.
const TERMINATE_MS = 5000;

// How much older than a POST a back channel is that the server has lost, and not only not yet.
const MISSING_MS = 3000;

// Of maps in one POST: as in Closure, and well below what servers take.
const MAPS_MAX = 1000;
const MAPS_CHARS = 256 * 1024;

class BrowserChannel {
  #link;
  #uri;
  #isPatient;
  #sid;
  #nextRequest = Math.floor(Math.random() * 100_000);
  #lastArray = -1;
  // What the server may not have, and the number of the first.
  #maps = [];
  #firstMap = 0;
  // Requests that are under way, or wait to be made again.
  #post;
  #back;
  #test;
  #postFailures = 0;
  #backFailures = 0;
  #isStreaming = true;
  #isClosing = false;
  #isOver = false;
  #timers = new Set();
  #arrival;

  constructor(link) {
    this.#link = link;
    this.#uri = link.uri({ protocol: 'http:', query: true });
    this.#isPatient = !link.options.transport?.failFast;
    this.#postMaps();
  }

  send(packet) {
    if (this.#isClosing || this.#isOver) return;
    const isText = typeof packet === 'string';
    this.#maps.push(isText ? ['_S', packet] : ['JSON', bufferOf(packet)]);
    this.#flush();
  }

  // What was written is sent first. A session that is being opened is ended once it is open.
  close() {
    if (this.#isClosing || this.#isOver) return;
    this.#isClosing = true;
    this.#back?.abort();
    this.#later(TERMINATE_MS, () => this.#end());
    this.#flush();
  }

  #uriOf(path, parameters) {
    const query = new URLSearchParams({ VER: 8, zx: unique(), ...parameters });
    return extend(this.#uri, path, `&${query}`);
  }

  // Sends what waits, and then the goodbye.
  #flush() {
    if (this.#isOver || this.#post || !this.#sid) return;
    if (this.#maps.length > 0) this.#postMaps();
    else if (this.#isClosing) this.#terminate();
  }

  // The first POST makes the session; its answer is like that of the back channel.
  #postMaps() {
    const isFirst = !this.#sid;
    const count = this.#countOfMaps();
    const session = isFirst ? {} : { SID: this.#sid, AID: this.#lastArray };
    const uri = this.#uriOf('/bind', { RID: this.#nextRequest, ...session });
    const init = { method: 'POST', body: this.#bodyOf(count), silence: POST_SILENCE_MS };
    const read = this.#reader();
    const since = Date.now();
    let answer = '';
    this.#post = request(uri, init, (text) => {
      if (isFirst) read(text);
      else answer += text;
    });
    const posted = () => {
      this.#post = undefined;
      this.#postFailures = 0;
      this.#nextRequest += 1;
      this.#firstMap += this.#maps.splice(0, count).length;
      if (isFirst) this.#begin();
      else this.#heed(answer, since);
      this.#flush();
    };
    this.#post.done.then(
      () => this.#attempt(posted),
      (error) => this.#postFailed(error),
    );
  }

  #countOfMaps() {
    let count = 0;
    for (let chars = 0; chars < MAPS_CHARS && count < MAPS_MAX; count += 1) {
      if (count === this.#maps.length) break;
      chars += this.#maps[count][1].length;
    }
    return count;
  }

  #bodyOf(count) {
    const body = new URLSearchParams({ count });
    if (count > 0) body.append('ofs', this.#firstMap);
    for (let index = 0; index < count; index += 1) {
      const [key, value] = this.#maps[index];
      body.append(`req${index}_${key}`, value);
    }
    return body;
  }

  // The same maps go with the same number again, and others with them: the server may have them.
  #postFailed(error) {
    if (error.status || !this.#sid || !this.#mayRetry(this.#postFailures, POST_RETRIES)) {
      return this.#end(error);
    }
    this.#again(this.#postFailures, () => {
      this.#post = undefined;
      this.#flush();
    });
    this.#postFailures += 1;
  }

  #begin() {
    if (!this.#sid) throw new Error('The server opened no session');
    if (this.#isClosing) return;
    this.#testStreaming();
    this.#openBack();
  }

  // The server answers at once, and two seconds later with the rest.
  #testStreaming() {
    const uri = this.#uriOf('/test', { TYPE: 'xmlhttp' });
    this.#test = request(uri, { silence: BACK_SILENCE_MS }, (text) => {
      this.#test.abort();
      if (text.length >= '111112'.length) this.#stopStreaming();
    });
    // The session does not depend on it.
    this.#test.done.catch(() => {});
  }

  // Opens another back channel. The one before did not fail, so this is no retry.
  #stopStreaming() {
    this.#isStreaming = false;
    const back = this.#back;
    if (!back) return;
    this.#back = undefined;
    back.abort();
    this.#openBack();
  }

  #openBack() {
    if (this.#isOver || this.#isClosing) return;
    const before = this.#lastArray;
    const uri = this.#uriOf('/bind', {
      RID: 'rpc',
      SID: this.#sid,
      CI: this.#isStreaming ? 0 : 1,
      AID: before,
      TYPE: 'xmlhttp',
    });
    const read = this.#reader();
    const back = request(uri, { silence: BACK_SILENCE_MS }, (text) => {
      this.#cancel(this.#arrival);
      read(text);
    });
    const current = (this.#back = { ...back, since: Date.now() });
    const over = (error) => {
      if (this.#back !== current) return;
      this.#back = undefined;
      if (error) this.#backFailed(error);
      else if (this.#lastArray > before) this.#openBack();
      else this.#backFailed(new Error('The server answered without an array'));
    };
    back.done.then(() => over(), over);
  }

  #backFailed(error) {
    this.#cancel(this.#arrival);
    if (this.#isClosing) return;
    if (error.status || !this.#mayRetry(this.#backFailures, BACK_RETRIES)) {
      return this.#end(error);
    }
    this.#again(this.#backFailures, () => this.#openBack());
    this.#backFailures += 1;
  }

  // The answer to a POST says whether the server has a back channel, which array it has sent last
  // and how many bytes of arrays it does not know to have arrived.
  #heed(answer, since) {
    const [hasBack, last, bytes] = JSON.parse(answer.slice(answer.indexOf('\n')));
    if (!hasBack) {
      // The connection is dead, and nobody has told us.
      if (this.#back?.since < since - MISSING_MS) this.#back.abort();
    } else if (last > this.#lastArray && bytes < ARRIVAL_BYTES && this.#isStreaming) {
      this.#cancel(this.#arrival);
      this.#arrival = this.#later(ARRIVAL_MS, () => this.#back?.abort());
    }
  }

  // Reads chunks: the number of their UTF-16 units, a line feed, and a list of arrays.
  #reader() {
    let text = '';
    let length = -1;
    const next = () => {
      const at = text.indexOf('\n');
      if (length < 0 && at >= 0) [length, text] = [Number(text.slice(0, at)), text.slice(at + 1)];
      if (length < 0 || text.length < length) return false;
      const chunk = text.slice(0, length);
      [length, text] = [-1, text.slice(length)];
      this.#takeArrays(JSON.parse(chunk));
      return true;
    };
    return (more) => {
      text += more;
      this.#attempt(() => {
        while (next());
      });
    };
  }

  // What the server must not say ends the session.
  #attempt(step) {
    try {
      step();
    } catch (error) {
      this.#end(error);
    }
  }

  #takeArrays(arrays) {
    for (const [number, data] of arrays) {
      // It came before, and the server did not know that.
      if (this.#isOver || number <= this.#lastArray) continue;
      if (number !== this.#lastArray + 1) throw new Error('An array of the server is missing');
      this.#lastArray = number;
      this.#backFailures = 0;
      this.#take(data);
    }
  }

  #take(data) {
    const word = Array.isArray(data) && data[0];
    if (!this.#sid) {
      if (word === 'c') this.#opened(data[1]);
    } else if (word === 'stop') {
      this.#terminate(new Error('Stopped by server'));
    } else if (word !== 'noop' && !this.#isClosing) {
      const isBuffer = data?.type === 'Buffer';
      tell(this.#link, 'received', isBuffer ? Uint8Array.from(data.data).buffer : data);
    }
  }

  #opened(sid) {
    this.#sid = sid;
    if (!this.#isClosing) tell(this.#link, 'opened');
  }

  // Tells the server that it can forget the session, whatever comes of that.
  #terminate(error) {
    const ids = { SID: this.#sid, RID: this.#nextRequest, TYPE: 'terminate' };
    const init = { keepalive: true, silence: TERMINATE_MS };
    request(this.#uriOf('/bind', ids), init).done.catch(() => {});
    this.#end(error);
  }

  #mayRetry(failures, retries) {
    return this.#isPatient && failures < retries;
  }

  #again(failures, retry) {
    this.#later(RETRY_MS * (1 + 2 * Math.random()) * failures, retry);
  }

  #later(ms, then) {
    const timer = setTimeout(then, ms);
    if (this.#isOver) clearTimeout(timer);
    else this.#timers.add(timer);
    return timer;
  }

  #cancel(timer) {
    clearTimeout(timer);
    this.#timers.delete(timer);
  }

  #end(error) {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const pending of [this.#post, this.#back, this.#test]) pending?.abort();
    if (error && !this.#isClosing) tell(this.#link, 'failed', error);
    tell(this.#link, 'ended');
  }
}

// What the JSON of a Buffer of Node.js is.
const bufferOf = (packet) => JSON.stringify({ type: 'Buffer', data: Array.from(bytesOf(packet)) });
