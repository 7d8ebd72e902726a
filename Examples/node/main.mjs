// One small program that is a producer and a worker, on nothing but Node's own http2: `node main.mjs produce WORD...` and
// `node main.mjs work`. It shows how little gRPC is on the wire; with npm at hand you would use @grpc/grpc-js and the .proto files.
import http2 from 'node:http2';
import { createHash } from 'node:crypto';

const ADDRESS = process.env.GKICK_ADDRESS ?? '127.0.0.1:7450';
// Says who calls, to a server with --auth. In plaintext, as here, it goes no further than this machine unless that is said.
const TOKEN = process.env.GKICK_TOKEN;
if (TOKEN && process.env.GKICK_INSECURE_TOKEN !== '1' && !/^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/.test(ADDRESS)) {
  console.error(`GKICK_TOKEN is not sent to ${ADDRESS} in plaintext unless GKICK_INSECURE_TOKEN=1 says so`);
  process.exit(1);
}

// A new connection; `onError` hears of one that could not be made or broke.
function connect(onError) {
  const session = http2.connect(`http://${ADDRESS}`);
  session.on('error', onError);
  return session;
}

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
function call(session, path, onMessage, onEnd) {
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...(TOKEN && { authorization: `Bearer ${TOKEN}` }) });
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
const unary = (session, path, fields) => new Promise((resolve, reject) => {
  let answer;
  const send = call(session, path, (message) => { answer = message; }, (error) => error ? reject(error) : resolve(answer));
  send(fields, true);
});

async function produce(words) {
  const session = connect((error) => { console.error(`cannot reach the server: ${error.message}`); process.exit(1); });
  for (const word of words) {
    const job = [[3, 'example.hash'], [4, word]];                                       // JobSpec: name, payload
    const id = String((await unary(session, '/gkick.v1.JobService/Enqueue', [[1, job]]))[1][0]);
    const done = decode((await unary(session, '/gkick.v1.JobService/WaitJob', [[1, id]]))[1][0]); // Job
    console.log(id, done[2][0] === 5n ? 'SUCCEEDED' : `state ${done[2][0]}`, String(done[10]?.[0] ?? ''));
  }
  session.close();
}

// Comes back after the server was away, with the same id, and goes on with what it holds.
function work() {
  const id = `node-${process.pid}-${Date.now()}`;
  const held = new Map();    // token -> lease: what is not settled yet, told again after a reconnect
  const unsent = new Map();  // token -> outcome: until the server has said that it is stored
  let send = () => {}, isStopping = false, wait = 100;
  const token = (lease) => decode(lease)[2][0];
  const forget = (lease) => { held.delete(token(lease)); unsent.delete(token(lease)); };
  const outcomes = (all) => [...all].map((outcome) => [4, outcome]);

  function stream() {
    let beat;
    const session = connect(() => {});
    send = call(session, '/gkick.v1.WorkerService/Work', (update) => {
      if (update[2]) {                                                                  // Welcome
        const welcome = decode(update[2][0]);
        const { 1: [seconds] = [0n], 2: [nanos] = [0n] } = decode(welcome[5][0]);
        beat = setInterval(() => send([]), Number(seconds) * 500 + Number(nanos) / 2e6); // any message renews the leases
        (welcome[6] ?? []).forEach(forget);                                             // lost meanwhile
        wait = 100;
        console.log(`worker ${welcome[1][0]} is ready`);
      }
      for (const result of (update[4] ?? []).map(decode)) {                             // OutcomeResult: lease, status_code
        const code = Number(result[2]?.[0] ?? 0n);
        if (code !== 14 && code !== 8) { forget(result[1][0]); continue; }
        // UNAVAILABLE, RESOURCE_EXHAUSTED: the store does not take it now.
        setTimeout(() => { const outcome = unsent.get(token(result[1][0])); if (outcome) send(outcomes([outcome])); }, 1000);
      }
      const done = (update[3] ?? []).map(decode).map((job) => {                         // Assignments
        const result = createHash('sha256').update(job[5]?.[0] ?? '').digest('hex');
        const outcome = [[1, job[1][0]], [2, [[1, result]]]];                           // Outcome: lease, Success: result
        held.set(token(job[1][0]), job[1][0]);
        unsent.set(token(job[1][0]), outcome);
        return outcome;
      });
      send([[2, update[1][0]], ...outcomes(done)]);                                     // ack_seq
    }, (error) => {
      clearInterval(beat);
      session.destroy();
      if (!error || (isStopping && held.size === 0)) return;                            // drained
      console.log(`connection lost (${error.message}), again in ${wait} ms`);
      setTimeout(stream, wait);
      wait = Math.min(wait * 2, 10_000);
    });
    // WorkerHello: id, queues, names, max_in_flight, resume_window (30 s), held
    send([[1, [[1, id], [2, [[1, 'default']]], [3, 'example.hash'], [4, 16], [6, [[1, 30]]], ...[...held.values()].map((lease) => [8, lease])]]]);
    send([...outcomes(unsent.values()), ...(isStopping ? [[6, 1]] : [])]);              // finished while the connection was away
  }

  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => { isStopping = true; send([[6, 1]]); });  // drain
  stream();
}

process.argv[2] === 'produce' ? produce(process.argv.slice(3)) : work();
