/* Takes the lock of the folder that it is given, when it is told to, and says what came of it. */
import { lockFolder } from '../../dist/src/cli/lock.js';

process.on('message', () => {
  lockFolder(process.argv[2]).then(
    () => process.send('taken'),
    (error) => process.send(error.message),
  );
});
process.send('ready');
