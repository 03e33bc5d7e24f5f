/**
 * A process of its own for each subject, driven over IPC: the parent asks, the child answers one
 * request at a time. So that subjects share neither heap nor garbage collector, and rounds can be
 * interleaved.
 */
import { type ChildProcess, fork } from 'node:child_process';

interface Request {
  readonly name: string;
  readonly argument: unknown;
}

type Reply = { readonly value: unknown } | { readonly error: string };

export class Child {
  /** Starts the compiled script at `path` (a file of `dist`) with `args`. */
  static start(path: URL, args: readonly string[]): Child {
    return new Child(fork(path, args, { serialization: 'advanced', execArgv: ['--expose-gc'] }));
  }

  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  /** One request at a time. Rejects when the child fails or ends before it answers. */
  ask<Answer>(name: string, argument?: unknown): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const onExit = (code: number | null): void => {
        reject(new Error(`a child process ended with ${code} while asked to ${name}`));
      };
      this.#process.once('exit', onExit);
      this.#process.once('message', (reply: Reply) => {
        this.#process.off('exit', onExit);
        if ('error' in reply) reject(new Error(reply.error));
        else resolve(reply.value as Answer);
      });
      this.#process.send({ name, argument } satisfies Request);
    });
  }

  /** Resolves when the process has ended. */
  stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#process.once('exit', () => resolve());
      this.#process.disconnect();
    });
  }
}

export type Handlers = Record<string, (argument: never) => unknown>;

/** The child's side: answers each request by the handler of its name; ends when the parent lets go. */
export function serve(handlers: Handlers): void {
  const answer = async ({ name, argument }: Request): Promise<void> => {
    let reply: Reply;
    try {
      reply = { value: await handlers[name](argument as never) };
    } catch (error) {
      reply = { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
    process.send?.(reply);
  };
  process.on('message', (request: Request) => void answer(request));
  process.on('disconnect', () => process.exit(0));
}
