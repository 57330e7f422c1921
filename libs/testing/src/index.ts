export * from './eventually.js'
export * from './house.js'
export * from './servers.js'
export * from './world.js'
