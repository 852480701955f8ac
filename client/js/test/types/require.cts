// `require` gives the class itself.

import Primus = require('allspark-client');

const options: Primus.Options = { manual: true };
const primus: Primus.PrimusClient = new Primus('http://localhost', options);
primus.on('reconnected', (attempt: Primus.Attempt) => attempt.duration);
const typed: Primus = Primus('http://localhost');
primus.transform('incoming', (packet) => packet.data !== 1);
const transform: Primus.Transform = function (packet, next) {
  this.write(packet.data);
  next();
};
typed.transform('outgoing', transform);
class Wider extends Primus {
  greet = (): true => this.write('hello');
}
const wider: Primus = new Wider();
wider.end();
Primus.connect('http://localhost').end();
// @ts-expect-error It has no member of its own name.
Primus.Primus;
