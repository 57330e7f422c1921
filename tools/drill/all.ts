import { d1 } from './d1.ts'
import { d13 } from './d13.ts'
import { d15 } from './d15.ts'
import { d21 } from './d21.ts'
import { d2 } from './d2.ts'
import { d4 } from './d4.ts'
import { d5 } from './d5.ts'
import { d6 } from './d6.ts'
import { d7 } from './d7.ts'
import { d8 } from './d8.ts'
import type { Drill } from './drill.ts'

/** Every drill, in the order in which they run. */
export const drills: readonly Drill[] = [d1, d2, d4, d5, d6, d7, d8, d13, d15, d21]
