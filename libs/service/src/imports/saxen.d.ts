declare module 'saxen' {
  /** A streaming XML parser: neither a DTD nor an entity of a file's own is followed. */
  export class Parser {
    on(
      event: 'openTag',
      listener: (name: string, attributes: () => Record<string, string>, decode: (text: string) => string, selfClosing: boolean) => void,
    ): this
    on(event: 'closeTag', listener: (name: string, decode: (text: string) => string, selfClosing: boolean) => void): this
    on(event: 'text', listener: (text: string, decode: (text: string) => string) => void): this
    on(event: 'cdata', listener: (text: string) => void): this
    on(event: 'error' | 'warn', listener: (error: Error) => void): this
    write(xml: string): this
    end(): Error | undefined
  }
}
