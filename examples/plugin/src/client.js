function client(primus) {
  primus.transform('incoming', function (packet) {
    var data = packet.data;
    if (!data || typeof data.quota !== 'number') return;
    primus.emit('quota', data.quota);
    return false;
  });
}
