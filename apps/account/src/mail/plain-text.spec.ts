import * as fc from 'fast-check'
import { plainText } from './plain-text.js'

describe('HTML as plain text', () => {
  it.each([
    ['<p>Hello</p><p>World</p>', 'Hello\n\nWorld'],
    ['a<br>b<br/>c', 'a\nb\nc'],
    ['<ul><li>one</li><li>two</li></ul>', '- one\n\n- two'],
    ['<table><tr><td>120</td><td>seats</td></tr></table>', '120 seats'],
    ['&lt;b&gt; &amp; &quot;x&quot; &#20113;&#x56fe; &nbsp;&unknown;', '<b> & "x" 云图 &unknown;'],
    ['a < b and c > d', 'a < b and c > d'],
    ['<head><title>t</title><style>p{}</style></head><body>x<script>alert(1)</script>y</body>', 'xy'],
    ['<!-- <p>hidden</p> -->shown', 'shown'],
    ['<img src="https://track.example/pixel.gif" alt="x">shown', 'shown'],
    ['<a href="https://example.com">link</a>', 'link'],
    ['line\nbreak\r\nof the source', 'line break of the source'],
    ['<script>never closed', ''],
    ['<p', ''],
    ['', ''],
    ['&#0;&#1114112;&#xd800;x', 'x'],
  ])('%j reads %j', (html, text) => expect(plainText(html)).toBe(text))

  it('is found in any text, and has no tag of it left', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom('<p>', '</p>', '<script>', '<!--', '-->', '<', '>', '&amp;', '&#60;'))),
        (parts) => {
          expect(typeof plainText(parts.join(''))).toBe('string')
        },
      ),
    )
  })

  it('costs no more than its length, however it is nested or broken', () => {
    // Quadratic would take hours, and jest ends what hangs.
    for (const part of ['<b>', '<script>', '<!--', '<', '&', '<p ', '<style></style'])
      expect(plainText(part.repeat(Math.floor(2_000_000 / part.length))).length).toBeLessThanOrEqual(2_000_000)
  })
})
