/**
 * A callback for the NATS client, which ends its connection for good, and almost without a word, when one
 * throws. A defect of ours shall end the process instead, so that it is seen and started again.
 */
export const loudly =
  <A extends unknown[]>(callback: (...args: A) => void) =>
  (...args: A): void => {
    try {
      callback(...args);
    } catch (error) {
      setImmediate(() => {
        throw error;
      });
    }
  };
