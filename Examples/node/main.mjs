// One small program that is a producer and a worker, on nothing but Node's own http2: `node main.mjs produce WORD...` and
// `node main.mjs work`. It shows how little gRPC is on the wire; with npm at hand you would use @grpc/grpc-js and the .proto files.
import http2 from 'node:http2';
import { createHash } from 'node:crypto';

const session = http2.connect(`http://${process.env.GKICK_ADDRESS ?? '127.0.0.1:7450'}`);
session.on('error', (error) => { console.error(`cannot reach the server: ${error.message}`); process.exit(1); });

// Protobuf: a message is a row of (number, value). Writing takes [number, value] pairs: text, bytes, integer or nested pairs.
const varint = (n) => { const out = []; for (n = BigInt(n); n > 127n; n >>= 7n) out.push(Number(n & 127n) | 128); return Buffer.from([...out, Number(n)]); };
const encode = (fields) => Buffer.concat(fields.flatMap(([number, value]) => {
  if (typeof value === 'number' || typeof value === 'bigint') return [varint(number << 3), varint(value)];
  const bytes = Array.isArray(value) ? encode(value) : Buffer.from(value);
  return [varint(number << 3 | 2), varint(bytes.length), bytes];
}));

// Reading gives { number: [values] }: integers as BigInt, the rest as bytes.
function decode(bytes) {
  const fields = {};
  let at = 0;
  const read = () => { let n = 0n, shift = 0n, byte; do { byte = bytes[at++]; n |= BigInt(byte & 127) << shift; shift += 7n; } while (byte & 128); return n; };
  while (at < bytes.length) {
    const tag = Number(read());
    let value;
    if ((tag & 7) === 0) value = read();
    else {
      const length = (tag & 7) === 2 ? Number(read()) : (tag & 7) === 1 ? 8 : 4;
      value = bytes.subarray(at, at += length);
    }
    (fields[tag >> 3] ??= []).push(value);
  }
  return fields;
}

// gRPC: each message has a flag byte and its length in front; the status comes in the trailers.
function frame(message) {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
function call(path, onMessage, onEnd) {
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' });
  let buffer = Buffer.alloc(0), status = {};
  const keep = (headers) => { if ('grpc-status' in headers) status = headers; };
  stream.on('response', keep).on('trailers', keep);
  stream.on('data', (chunk) => {
    buffer = Buffer.concat([buffer, chunk]);
    while (buffer.length >= 5 && buffer.length >= 5 + buffer.readUInt32BE(1)) {
      const end = 5 + buffer.readUInt32BE(1);
      onMessage(decode(buffer.subarray(5, end)));
      buffer = buffer.subarray(end);
    }
  });
  stream.on('error', () => {});
  stream.on('close', () => onEnd(status['grpc-status'] === '0' ? null : new Error(decodeURIComponent(status['grpc-message'] ?? 'connection lost'))));
  return (fields, isLast) => { if (!stream.closed) stream[isLast ? 'end' : 'write'](frame(encode(fields))); };
}
const unary = (path, fields) => new Promise((resolve, reject) => {
  let answer;
  const send = call(path, (message) => { answer = message; }, (error) => error ? reject(error) : resolve(answer));
  send(fields, true);
});

async function produce(words) {
  for (const word of words) {
    const job = [[3, 'example.hash'], [4, word]];                                       // JobSpec: name, payload
    const id = String((await unary('/gkick.v1.JobService/Enqueue', [[1, job]]))[1][0]);
    const done = decode((await unary('/gkick.v1.JobService/WaitJob', [[1, id]]))[1][0]); // Job
    console.log(id, done[2][0] === 5n ? 'SUCCEEDED' : `state ${done[2][0]}`, String(done[10]?.[0] ?? ''));
  }
  session.close();
}

function work() {
  let beat;
  const send = call('/gkick.v1.WorkerService/Work', (update) => {
    if (update[2]) {                                                                    // Welcome
      const { 5: [heartbeat], 1: [id] } = decode(update[2][0]);
      const { 1: [seconds] = [0n], 2: [nanos] = [0n] } = decode(heartbeat);
      beat = setInterval(() => send([]), Number(seconds) * 500 + Number(nanos) / 2e6);   // any message renews the leases
      console.log(`worker ${id} is ready`);
    }
    const outcomes = (update[3] ?? []).map(decode).map((job) => {                       // Assignments
      const result = createHash('sha256').update(job[5]?.[0] ?? '').digest('hex');
      return [4, [[1, job[1][0]], [2, [[1, result]]]]];                                 // Outcome: lease, Success: result
    });
    send([[2, update[1][0]], ...outcomes]);                                             // ack_seq
  }, (error) => {
    clearInterval(beat);
    if (error) { console.error(error.message); process.exitCode = 1; }
    session.close();
  });
  send([[1, [[2, [[1, 'default']]], [3, 'example.hash'], [4, 16]]]]);                    // WorkerHello: queues, names, max_in_flight
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => send([[6, 1]]));   // drain
}

process.argv[2] === 'produce' ? produce(process.argv.slice(3)) : work();
