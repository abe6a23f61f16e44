/** The files of a host as one run of a daemon sees them: every call is a step at which it may be killed. */
import type { DirectoryEvents, FileContent, FileStatus, Files, NewFile } from "../../src/runtime/files.ts";
import type { Life } from "./life.ts";

export class LifeFiles implements Files {
  readonly #files: Files;
  readonly #life: Life;

  constructor(files: Files, life: Life) {
    this.#files = files;
    this.#life = life;
  }

  read(path: string, maxBytes: number, links?: "followed" | "refused"): Promise<FileContent> {
    return this.#call(() => this.#files.read(path, maxBytes, links));
  }
  readLink(path: string): Promise<string> {
    return this.#call(() => this.#files.readLink(path));
  }
  list(path: string): Promise<readonly string[]> {
    return this.#call(() => this.#files.list(path));
  }
  status(path: string): Promise<FileStatus> {
    return this.#call(() => this.#files.status(path));
  }
  async create(path: string, mode: number): Promise<NewFile> {
    return this.#open(await this.#call(() => this.#files.create(path, mode)));
  }
  async createTemporary(prefix: string, mode: number): Promise<NewFile> {
    return this.#open(await this.#call(() => this.#files.createTemporary(prefix, mode)));
  }
  rename(from: string, to: string): Promise<void> {
    return this.#call(() => this.#files.rename(from, to));
  }
  link(from: string, to: string): Promise<void> {
    return this.#call(() => this.#files.link(from, to));
  }
  unlink(path: string): Promise<void> {
    return this.#call(() => this.#files.unlink(path));
  }
  makeDirectory(path: string, mode: number): Promise<void> {
    return this.#call(() => this.#files.makeDirectory(path, mode));
  }

  syncDirectory(path: string): Promise<void> {
    return this.#call(() => this.#files.syncDirectory(path));
  }

  watch(path: string, { onChange, onError }: DirectoryEvents): { close(): void } {
    const events = { onChange: this.#life.guarded(onChange), onError: this.#life.guarded(onError) };
    const watch = this.#files.watch(path, events);
    const forget = this.#life.onEnd(() => watch.close());
    return {
      close() {
        forget();
        watch.close();
      },
    };
  }

  #open(file: NewFile): NewFile {
    return {
      path: file.path,
      // In two steps, so that a kill can tear it.
      write: async (text) => {
        const half = text.length >> 1;
        await this.#call(() => file.write(text.slice(0, half)));
        await this.#call(() => file.write(text.slice(half)));
      },
      setMode: (mode) => this.#call(() => file.setMode(mode)),
      setModified: (wallMs) => this.#call(() => file.setModified(wallMs)),
      sync: () => this.#call(() => file.sync()),
      close: () => this.#call(() => file.close()),
    };
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    await this.#life.step();
    return this.#life.result(call());
  }
}
