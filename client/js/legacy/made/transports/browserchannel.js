// Made by scripts/legacy.js. Change the module of the same path in `src` instead.

import { babelHelpers } from '../helpers.js';
import { shims } from '../shims.js';
import { bytesOf } from './base64.js';
import { extend, request, tell, unique } from './http.js';
export var browserchannel = function browserchannel(link) {
  return new BrowserChannel$transports_browserchannel(link);
};
var POST_RETRIES$transports_browserchannel = 2;
var BACK_RETRIES$transports_browserchannel = 3;
var RETRY_MS$transports_browserchannel = 5000;
var POST_SILENCE_MS$transports_browserchannel = 20000;
var BACK_SILENCE_MS$transports_browserchannel = 45000;
var ARRIVAL_MS$transports_browserchannel = 6000;
var ARRIVAL_BYTES$transports_browserchannel = 37500;
var TERMINATE_MS$transports_browserchannel = 5000;
var MISSING_MS$transports_browserchannel = 3000;
var MAPS_MAX$transports_browserchannel = 1000;
var MAPS_CHARS$transports_browserchannel = 256 * 1024;
var BrowserChannel$transports_browserchannel = function () {
  function BrowserChannel(link) {
    var _link$options$transpo;
    this.$link = void 0;
    this.$uri = void 0;
    this.$isPatient = void 0;
    this.$sid = void 0;
    this.$nextRequest = Math.floor(Math.random() * 100000);
    this.$lastArray = -1;
    this.$maps = [];
    this.$firstMap = 0;
    this.$post = void 0;
    this.$back = void 0;
    this.$test = void 0;
    this.$postFailures = 0;
    this.$backFailures = 0;
    this.$isStreaming = true;
    this.$isClosing = false;
    this.$isOver = false;
    this.$timers = new shims.Set();
    this.$arrival = void 0;
    this.$link = link;
    this.$uri = link.uri({
      protocol: 'http:',
      query: true
    });
    this.$isPatient = !((_link$options$transpo = link.options.transport) != null && _link$options$transpo.failFast);
    this.$postMaps();
  }
  var _proto = BrowserChannel.prototype;
  _proto.send = function send(packet) {
    if (this.$isClosing || this.$isOver) return;
    var isText = typeof packet === 'string';
    this.$maps.push(isText ? ['_S', packet] : ['JSON', bufferOf$transports_browserchannel(packet)]);
    this.$flush();
  };
  _proto.close = function close() {
    var _this$$back,
      _this = this;
    if (this.$isClosing || this.$isOver) return;
    this.$isClosing = true;
    (_this$$back = this.$back) == null || _this$$back.abort();
    this.$later(TERMINATE_MS$transports_browserchannel, function () {
      return _this.$end();
    });
    this.$flush();
  };
  _proto.$uriOf = function $uriOf(path, parameters) {
    var query = new shims.URLSearchParams(babelHelpers["extends"]({
      VER: 8,
      zx: unique()
    }, parameters));
    return extend(this.$uri, path, "&".concat(query));
  };
  _proto.$flush = function $flush() {
    if (this.$isOver || this.$post || !this.$sid) return;
    if (this.$maps.length > 0) this.$postMaps();else if (this.$isClosing) this.$terminate();
  };
  _proto.$postMaps = function $postMaps() {
    var _this2 = this;
    var isFirst = !this.$sid;
    var count = this.$countOfMaps();
    var session = isFirst ? {} : {
      SID: this.$sid,
      AID: this.$lastArray
    };
    var uri = this.$uriOf('/bind', babelHelpers["extends"]({
      RID: this.$nextRequest
    }, session));
    var init = {
      method: 'POST',
      body: this.$bodyOf(count),
      silence: POST_SILENCE_MS$transports_browserchannel
    };
    var read = this.$reader();
    var since = Date.now();
    var answer = '';
    this.$post = request(uri, init, function (text) {
      if (isFirst) read(text);else answer += text;
    });
    var posted = function posted() {
      _this2.$post = undefined;
      _this2.$postFailures = 0;
      _this2.$nextRequest += 1;
      _this2.$firstMap += _this2.$maps.splice(0, count).length;
      if (isFirst) _this2.$begin();else _this2.$heed(answer, since);
      _this2.$flush();
    };
    this.$post.done.then(function () {
      return _this2.$attempt(posted);
    }, function (error) {
      return _this2.$postFailed(error);
    });
  };
  _proto.$countOfMaps = function $countOfMaps() {
    var count = 0;
    for (var chars = 0; chars < MAPS_CHARS$transports_browserchannel && count < MAPS_MAX$transports_browserchannel; count += 1) {
      if (count === this.$maps.length) break;
      chars += this.$maps[count][1].length;
    }
    return count;
  };
  _proto.$bodyOf = function $bodyOf(count) {
    var body = new shims.URLSearchParams({
      count: count
    });
    if (count > 0) body.append('ofs', this.$firstMap);
    for (var index = 0; index < count; index += 1) {
      var _this$$maps$index = this.$maps[index],
        key = _this$$maps$index[0],
        value = _this$$maps$index[1];
      body.append("req".concat(index, "_").concat(key), value);
    }
    return body;
  };
  _proto.$postFailed = function $postFailed(error) {
    var _this3 = this;
    if (error.status || !this.$sid || !this.$mayRetry(this.$postFailures, POST_RETRIES$transports_browserchannel)) {
      return this.$end(error);
    }
    this.$again(this.$postFailures, function () {
      _this3.$post = undefined;
      _this3.$flush();
    });
    this.$postFailures += 1;
  };
  _proto.$begin = function $begin() {
    if (!this.$sid) throw new Error('The server opened no session');
    if (this.$isClosing) return;
    this.$testStreaming();
    this.$openBack();
  };
  _proto.$testStreaming = function $testStreaming() {
    var _this4 = this;
    var uri = this.$uriOf('/test', {
      TYPE: 'xmlhttp'
    });
    this.$test = request(uri, {
      silence: BACK_SILENCE_MS$transports_browserchannel
    }, function (text) {
      _this4.$test.abort();
      if (text.length >= '111112'.length) _this4.$stopStreaming();
    });
    this.$test.done["catch"](function () {});
  };
  _proto.$stopStreaming = function $stopStreaming() {
    this.$isStreaming = false;
    var back = this.$back;
    if (!back) return;
    this.$back = undefined;
    back.abort();
    this.$openBack();
  };
  _proto.$openBack = function $openBack() {
    var _this5 = this;
    if (this.$isOver || this.$isClosing) return;
    var before = this.$lastArray;
    var uri = this.$uriOf('/bind', {
      RID: 'rpc',
      SID: this.$sid,
      CI: this.$isStreaming ? 0 : 1,
      AID: before,
      TYPE: 'xmlhttp'
    });
    var read = this.$reader();
    var back = request(uri, {
      silence: BACK_SILENCE_MS$transports_browserchannel
    }, function (text) {
      _this5.$cancel(_this5.$arrival);
      read(text);
    });
    var current = this.$back = babelHelpers["extends"](babelHelpers["extends"]({}, back), {}, {
      since: Date.now()
    });
    var over = function over(error) {
      if (_this5.$back !== current) return;
      _this5.$back = undefined;
      if (error) _this5.$backFailed(error);else if (_this5.$lastArray > before) _this5.$openBack();else _this5.$backFailed(new Error('The server answered without an array'));
    };
    back.done.then(function () {
      return over();
    }, over);
  };
  _proto.$backFailed = function $backFailed(error) {
    var _this6 = this;
    this.$cancel(this.$arrival);
    if (this.$isClosing) return;
    if (error.status || !this.$mayRetry(this.$backFailures, BACK_RETRIES$transports_browserchannel)) {
      return this.$end(error);
    }
    this.$again(this.$backFailures, function () {
      return _this6.$openBack();
    });
    this.$backFailures += 1;
  };
  _proto.$heed = function $heed(answer, since) {
    var _this7 = this;
    var _JSON$parse = JSON.parse(answer.slice(answer.indexOf('\n'))),
      hasBack = _JSON$parse[0],
      last = _JSON$parse[1],
      bytes = _JSON$parse[2];
    if (!hasBack) {
      var _this$$back2;
      if (((_this$$back2 = this.$back) == null ? void 0 : _this$$back2.since) < since - MISSING_MS$transports_browserchannel) this.$back.abort();
    } else if (last > this.$lastArray && bytes < ARRIVAL_BYTES$transports_browserchannel && this.$isStreaming) {
      this.$cancel(this.$arrival);
      this.$arrival = this.$later(ARRIVAL_MS$transports_browserchannel, function () {
        var _this7$$back;
        return (_this7$$back = _this7.$back) == null ? void 0 : _this7$$back.abort();
      });
    }
  };
  _proto.$reader = function $reader() {
    var _this8 = this;
    var text = '';
    var length = -1;
    var next = function next() {
      var at = text.indexOf('\n');
      if (length < 0 && at >= 0) {
        var _ref = [Number(text.slice(0, at)), text.slice(at + 1)];
        length = _ref[0];
        text = _ref[1];
      }
      if (length < 0 || text.length < length) return false;
      var chunk = text.slice(0, length);
      var _ref2 = [-1, text.slice(length)];
      length = _ref2[0];
      text = _ref2[1];
      _this8.$takeArrays(JSON.parse(chunk));
      return true;
    };
    return function (more) {
      text += more;
      _this8.$attempt(function () {
        while (next());
      });
    };
  };
  _proto.$attempt = function $attempt(step) {
    try {
      step();
    } catch (error) {
      this.$end(error);
    }
  };
  _proto.$takeArrays = function $takeArrays(arrays) {
    for (var _i2 = 0; _i2 < arrays.length; _i2++) {
      var _arrays$_i = arrays[_i2],
        number = _arrays$_i[0],
        data = _arrays$_i[1];
      if (this.$isOver || number <= this.$lastArray) continue;
      if (number !== this.$lastArray + 1) throw new Error('An array of the server is missing');
      this.$lastArray = number;
      this.$backFailures = 0;
      this.$take(data);
    }
  };
  _proto.$take = function $take(data) {
    var word = Array.isArray(data) && data[0];
    if (!this.$sid) {
      if (word === 'c') this.$opened(data[1]);
    } else if (word === 'stop') {
      this.$terminate(new Error('Stopped by server'));
    } else if (word !== 'noop' && !this.$isClosing) {
      var isBuffer = (data == null ? void 0 : data.type) === 'Buffer';
      tell(this.$link, 'received', isBuffer ? shims.Uint8Array_from(data.data).buffer : data);
    }
  };
  _proto.$opened = function $opened(sid) {
    this.$sid = sid;
    if (!this.$isClosing) tell(this.$link, 'opened');
  };
  _proto.$terminate = function $terminate(error) {
    var ids = {
      SID: this.$sid,
      RID: this.$nextRequest,
      TYPE: 'terminate'
    };
    var init = {
      keepalive: true,
      silence: TERMINATE_MS$transports_browserchannel
    };
    request(this.$uriOf('/bind', ids), init).done["catch"](function () {});
    this.$end(error);
  };
  _proto.$mayRetry = function $mayRetry(failures, retries) {
    return this.$isPatient && failures < retries;
  };
  _proto.$again = function $again(failures, retry) {
    this.$later(RETRY_MS$transports_browserchannel * (1 + 2 * Math.random()) * failures, retry);
  };
  _proto.$later = function $later(ms, then) {
    var timer = setTimeout(then, ms);
    if (this.$isOver) clearTimeout(timer);else this.$timers.add(timer);
    return timer;
  };
  _proto.$cancel = function $cancel(timer) {
    clearTimeout(timer);
    this.$timers["delete"](timer);
  };
  _proto.$end = function $end(error) {
    if (this.$isOver) return;
    this.$isOver = true;
    for (var _i4 = 0, _this$$timers2 = this.$timers; _i4 < _this$$timers2.length; _i4++) {
      var timer = _this$$timers2[_i4];
      clearTimeout(timer);
    }
    for (var _i6 = 0, _ref4 = [this.$post, this.$back, this.$test]; _i6 < _ref4.length; _i6++) {
      var pending = _ref4[_i6];
      pending == null || pending.abort();
    }
    if (error && !this.$isClosing) tell(this.$link, 'failed', error);
    tell(this.$link, 'ended');
  };
  return babelHelpers.createClass(BrowserChannel);
}();
var bufferOf$transports_browserchannel = function bufferOf(packet) {
  return JSON.stringify({
    type: 'Buffer',
    data: shims.Array_from(bytesOf(packet))
  });
};
