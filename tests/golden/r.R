# Reference numbers from base R, written to standard output as JSON: Rscript tests/golden/r.R > tests/golden/r.json
# (R 4.2.2; only package stats). tests/estimate/test_r.py compares abimpact with the numbers kept, and with R itself
# where it is installed.
num <- function(x) ifelse(is.finite(x), sprintf("%.17g", x), ifelse(x > 0, "\"inf\"", "\"-inf\""))
arr <- function(x) paste0("[", paste(num(x), collapse = ", "), "]")
obj <- function(...) {
  parts <- list(...)
  paste0("{", paste(sprintf("\"%s\": %s", names(parts), unlist(parts)), collapse = ", "), "}")
}

set.seed(20261125)
cases <- c()
for (i in 1:6) {
  n <- sample(5:40, 2)
  # Skewed, of unequal spread, and rounded, so that the file holds the very numbers that R used.
  t <- round(rlnorm(n[1], 1.1, 0.4 + i / 10), 3)
  c <- round(rlnorm(n[2], 1.0, 0.5), 3)
  both <- t.test(t, c)
  level <- t.test(t, c, conf.level = 0.9)
  margin <- round(0.1 * mean(c), 3)
  above <- t.test(t, c, mu = -margin, alternative = "greater")
  below <- t.test(t, c, mu = margin, alternative = "less")
  scaled <- t.test(t, 0.95 * c, alternative = "greater")
  cases <- c(cases, obj(
    kind = "\"t.test\"", treatment = arr(t), control = arr(c), statistic = num(both$statistic),
    df = num(both$parameter), pvalue = num(both$p.value), interval = arr(both$conf.int),
    interval_90 = arr(level$conf.int), margin = num(margin), pvalue_above = num(above$p.value),
    pvalue_below = num(below$p.value), pvalue_within_5_percent = num(scaled$p.value)
  ))
}
for (x in list(c(56, 70, 48, 80), c(3, 40, 11, 45), c(120, 2400, 90, 2350), c(1, 300, 9, 2700), c(0, 50, 7, 55))) {
  score <- prop.test(c(x[1], x[3]), c(x[2], x[4]), correct = FALSE)
  exact <- fisher.test(matrix(c(x[1], x[2] - x[1], x[3], x[4] - x[3]), 2))
  cases <- c(cases, obj(
    kind = "\"proportions\"", counts = arr(x), chisq = num(score$statistic), pvalue = num(score$p.value),
    fisher = num(exact$p.value)
  ))
}
for (x in list(c(135, 115, 0.5), c(310, 98, 0.75), c(42, 3, 0.9))) {
  exact <- binom.test(x[1], x[1] + x[2], x[3])
  cases <- c(cases, obj(kind = "\"binom.test\"", counts = arr(x[1:2]), share = num(x[3]), pvalue = num(exact$p.value)))
}
for (x in list(c(5000, 5100, 4800), c(33200, 33500, 33300, 32800))) {
  test <- chisq.test(x)
  cases <- c(cases, obj(
    kind = "\"chisq.test\"", counts = arr(x), statistic = num(test$statistic), pvalue = num(test$p.value)
  ))
}
for (p in list(c(0.01, 0.04, 0.03), c(0.2, 0.0001, 0.049, 0.05, 0.7), c(0.5))) {
  cases <- c(cases, obj(
    kind = "\"p.adjust\"", pvalues = arr(p), holm = arr(p.adjust(p, "holm")), bh = arr(p.adjust(p, "BH"))
  ))
}
for (i in 1:3) {
  # The cluster-robust variance of a ratio is that of the residuals of a regression through the origin's weights.
  g <- c(30, 45, 60)[i]
  den <- rpois(2 * g, 20) + 1
  num_ <- rpois(2 * g, den * rep(c(0.30, 0.25), each = g) * rgamma(2 * g, 5, 5))
  arm <- rep(1:2, each = g)
  value <- tapply(num_, arm, sum) / tapply(den, arm, sum)
  residual <- (num_ - value[arm] * den) / tapply(den, arm, mean)[arm]
  test <- t.test(residual[arm == 1] + value[1], residual[arm == 2] + value[2])
  cases <- c(cases, obj(
    kind = "\"ratio\"", numerator = arr(num_), denominator = arr(den), clusters = num(g),
    values = arr(value), interval = arr(test$conf.int), df = num(test$parameter), pvalue = num(test$p.value)
  ))
}
cat("{\"made_with\": \"", R.version.string, ", package stats, by tests/golden/r.R\",\n \"cases\": [\n  ", sep = "")
cat(paste(cases, collapse = ",\n  "))
cat("\n ]}\n")
