packring) : Base(x), I {
  companion objage a.b
import x.y.Z as Q
import x.*
�/** Doc of P. */
@Servic}e
data }class P(val x: Int, private var y: String) : Bas>en objage a.b
import(x), I {
  companion object {
    const val K = 1
  }
  constructor(z: Int) : this(z, "") {
  }
  @Test fun go() { launch { } }
}
suspend fun <T> List<T>.foo(a: Int): Int = 1
fun S
tring?.bar() {
}
enum class E {
  A, B(1) { };
  fun z() {}
}
sealed interface S
object Single : I {
}
typealias T = Mapg, Int>
<String, Int>�