// What comes again and again, in the order of the npm client.
'use strict';

const { quirk } = require('../trace');

const OPENING = ['state:opening', 'state:open', 'open'];
const ENDING = ['state:end', 'close', 'end'];
// The connection broke.
const BREAK = [quirk('a break is an error'), 'state:end', 'close', 'reconnect scheduled'];
// The server went, and said so to the transport.
const LOSS = [quirk('a loss is an error'), 'state:end', 'close', 'reconnect scheduled'];
// The server ended the client for good.
const PARTING = [quirk('a loss is an error'), ...ENDING];
// The attempt begins before it is told.
const ATTEMPT = ['state:opening', 'reconnect'];
// The transport of a failed attempt ends after its error, and then the state changes.
const FAILED_ATTEMPT = [...ATTEMPT, 'reconnect scheduled', 'state:end'];
const REFUSED = ['state:opening', 'error', 'reconnect scheduled', 'state:end'];
const RECOVERY = [...ATTEMPT, 'reconnected', 'state:open', 'open'];

module.exports = {
  ATTEMPT, BREAK, ENDING, FAILED_ATTEMPT, LOSS, OPENING, PARTING, RECOVERY, REFUSED,
};
