import { Controller } from '@nestjs/common'
import { rotateSigningKeys } from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { SigningKeys } from './signing-key.service.js'

@Controller()
export class SigningKeyController {
  constructor(private readonly keys: SigningKeys) {}

  @Serve(rotateSigningKeys)
  rotate() {
    return this.keys.rotate()
  }
}
