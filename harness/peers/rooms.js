/**
 * What a client says of rooms, as the convention of `allspark serve` with `[plugins.rooms]` has it.
 *
 * @param {string} text What it said.
 * @param {(rooms: string[]) => void} join Has it join rooms.
 * @param {(room: string) => void} publish Writes what it said to a room.
 * @returns {string[]} What it is answered.
 */
export function hear(text, join, publish) {
  const [event, first] = JSON.parse(text).emit;
  if (event === 'publish') {
    publish(first);
    return [];
  }
  join(first);
  return first.map((room) => JSON.stringify({ emit: ['joinroom', room] }));
}
