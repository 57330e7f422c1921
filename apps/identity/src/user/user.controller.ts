import { Controller } from '@nestjs/common'
import {
  changeMyPassword,
  changeUser,
  createUser,
  deactivateUser,
  getMe,
  getUser,
  listUsers,
  reactivateUser,
  setPassword,
  type Input,
} from '@millrace/contracts'
import { Serve } from '@millrace/service'
import { UserService } from './user.service.js'

@Controller()
export class UserController {
  constructor(private readonly users: UserService) {}

  @Serve(createUser)
  create({ body }: Input<typeof createUser>) {
    return this.users.create(body)
  }

  @Serve(listUsers)
  list({ query }: Input<typeof listUsers>) {
    return this.users.list(query)
  }

  @Serve(getMe)
  me() {
    return this.users.me()
  }

  @Serve(getUser)
  get({ params }: Input<typeof getUser>) {
    return this.users.get(params.id)
  }

  @Serve(changeUser)
  change({ params, body }: Input<typeof changeUser>) {
    return this.users.change(params.id, body)
  }

  @Serve(deactivateUser)
  deactivate({ params }: Input<typeof deactivateUser>) {
    return this.users.deactivate(params.id)
  }

  @Serve(reactivateUser)
  reactivate({ params }: Input<typeof reactivateUser>) {
    return this.users.reactivate(params.id)
  }

  @Serve(changeMyPassword)
  changeMyPassword({ body }: Input<typeof changeMyPassword>) {
    return this.users.changeMyPassword(body.oldPassword, body.newPassword)
  }

  @Serve(setPassword)
  setPassword({ params, body }: Input<typeof setPassword>) {
    return this.users.setPassword(params.id, body.password)
  }
}
