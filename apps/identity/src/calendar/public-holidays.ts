import type { CalendarDate } from '@millrace/domain'

interface AnnouncedDay {
  readonly on: CalendarDate
  readonly name: string
  /** A day of the weekend that is worked instead. */
  readonly worked?: true
}

/**
 * Days off and swapped workdays (调休), as announced. China: 国务院办公厅关于2026年部分节假日安排的通知, 4 November 2025. A later year is
 * added when the State Council has announced it, and not before: nobody can reckon swapped workdays.
 */
export const publicHolidays: Readonly<Record<'CN', readonly AnnouncedDay[]>> = {
  CN: [
    ...off('元旦', '2026-01-01', '2026-01-02', '2026-01-03'),
    ...worked('元旦调休', '2026-01-04'),
    ...worked('春节调休', '2026-02-14', '2026-02-28'),
    ...off(
      '春节',
      '2026-02-15',
      '2026-02-16',
      '2026-02-17',
      '2026-02-18',
      '2026-02-19',
      '2026-02-20',
      '2026-02-21',
      '2026-02-22',
      '2026-02-23',
    ),
    ...off('清明节', '2026-04-04', '2026-04-05', '2026-04-06'),
    ...off('劳动节', '2026-05-01', '2026-05-02', '2026-05-03', '2026-05-04', '2026-05-05'),
    ...worked('劳动节调休', '2026-05-09'),
    ...off('端午节', '2026-06-19', '2026-06-20', '2026-06-21'),
    ...off('中秋节', '2026-09-25', '2026-09-26', '2026-09-27'),
    ...worked('国庆节调休', '2026-09-20', '2026-10-10'),
    ...off('国庆节', '2026-10-01', '2026-10-02', '2026-10-03', '2026-10-04', '2026-10-05', '2026-10-06', '2026-10-07'),
  ],
}

function off(name: string, ...days: CalendarDate[]): AnnouncedDay[] {
  return days.map((on) => ({ on, name }))
}

function worked(name: string, ...days: CalendarDate[]): AnnouncedDay[] {
  return days.map((on) => ({ on, name, worked: true }))
}
