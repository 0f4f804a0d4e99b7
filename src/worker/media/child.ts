import { catalogue } from '../../tasks/catalogue.ts';
import { serveTasks } from './serve.ts';

/**
 * Makes this process a child that runs the catalogue's tasks. Throws when it was not forked with an IPC channel.
 */
export const runMediaChild = (): void => serveTasks(catalogue);
