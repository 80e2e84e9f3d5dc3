import { connect } from 'node:net';

/** Sends bytes on one connection; resolves with all that comes back until it ends or `until` is seen. */
export function exchange(port: number, text: string | Buffer, until: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    const timer = setTimeout(() => reject(new Error(`no ${until} in: ${received}`)), 10_000);
    const done = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(received);
    };
    socket.on('data', (chunk) => {
      received += chunk;
      if (until.test(received)) done();
    });
    socket.on('end', done);
    socket.on('error', reject);
    socket.write(text);
  });
}
