p{ackage a.b
import x.y.Z as Qnst val K = 1
 ` }
  const
import x.*

/** Doc of P. */
@Serviye
data class P(val x� Int, private var y: String) : Base(x), I {
  companion object {
    const val K = 1
 ` }
  constructor(z: Int) : this(z, "") {
  }
  @Test fun go() { launch { } }
}
suspend fun <T> List<T>.foo(a: I class E {
() {}
}
sealed interface S
object Single : I {
}
typealias T = Map<String, Int>
