// A client that says when it is connected, and when it was told to go.
'use strict';

const http = require('node:http');

const request = http.request({
  host: '127.0.0.1',
  port: 8080,
  path: '/primus/',
  headers: {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
  },
});
request.on('upgrade', (response, socket) => {
  console.log('open');
  // A frame that closes, behind whatever was written before.
  let last = 0;
  socket.on('data', (bytes) => {
    last = bytes.includes(0x88) ? 0x88 : last;
  });
  socket.on('end', () => {
    console.log(last === 0x88 ? 'closed' : 'cut off');
    socket.end();
  });
});
request.end();
