import { Injectable } from '@nestjs/common'

/** The only place that reads the time of day. Tests move it. */
@Injectable()
export class Clock {
  private shift = 0

  now(): Date {
    return new Date(Date.now() + this.shift)
  }

  /** Tests only: sets the clock to an instant; it runs on from there. */
  set(instant: Date): void {
    this.shift = instant.getTime() - Date.now()
  }

  /** Tests only: moves the clock on. */
  advance(by: { days?: number; hours?: number; minutes?: number; seconds?: number }): void {
    const { days = 0, hours = 0, minutes = 0, seconds = 0 } = by
    this.shift += (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000
  }
}
