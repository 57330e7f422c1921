import { createWriteStream } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Storage } from './storage.js'

/** Files in a folder of this machine, or of a disk that all replicas of the service share. */
export class DiskStorage implements Storage {
  constructor(private readonly folder: string) {}

  async put(name: string, content: Readable): Promise<void> {
    const [part, whole] = [this.partOf(name), join(this.folder, name)]
    await mkdir(dirname(whole), { recursive: true, mode: 0o700 })
    try {
      // Under its own name only once all of it is on the disk.
      await pipeline(content, createWriteStream(part, { flags: 'wx', mode: 0o600, flush: true }))
      await rename(part, whole)
    } catch (error) {
      await rm(part, { force: true })
      throw error
    }
  }

  async open(name: string): Promise<Readable> {
    return (await open(join(this.folder, name))).createReadStream()
  }

  async remove(name: string): Promise<void> {
    await rm(this.partOf(name), { force: true })
    await rm(join(this.folder, name), { force: true })
  }

  private partOf(name: string): string {
    return `${join(this.folder, name)}.part`
  }
}
