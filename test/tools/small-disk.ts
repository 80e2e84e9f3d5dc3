import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file system of a few megabytes for a test, which can be filled, emptied and made read-only. */
export class SmallDisk {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Or why there is none. */
  static mount(megabytes: number): SmallDisk | { skip: string } {
    const folder = mkdtempSync(join(tmpdir(), 'entourage-disk-'));
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'tmpfs', folder]);
    if (mounted.status === 0) return new SmallDisk(folder);
    rmSync(folder, { recursive: true });
    return { skip: 'no file system can be mounted here (needs root)' };
  }

  /** Takes all the room there is. */
  fill(): void {
    for (let bytes = this.#free(); bytes > 0; bytes = this.#free()) {
      try {
        writeFileSync(join(this.folder, `ballast-${bytes}`), Buffer.alloc(bytes));
      } catch {
        // what was written before it failed takes the room all the same
      }
    }
  }

  /** Gives the room back. */
  empty(): void {
    spawnSync('sh', ['-c', 'rm -f ballast-*'], { cwd: this.folder });
  }

  readOnly(): boolean {
    return spawnSync('mount', ['-o', 'remount,ro', this.folder]).status === 0;
  }

  unmount(): void {
    spawnSync('umount', ['-l', this.folder]);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #free(): number {
    const { bavail, bsize } = statfsSync(this.folder);
    return bavail * bsize;
  }
}
