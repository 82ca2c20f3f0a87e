-- pgvector.
-- needs: vector

-- name: vector-nearest
SELECT id, embedding <-> '[1,2,3]' AS distance FROM shop.products ORDER BY embedding <-> '[1,2,3]', id LIMIT 5

-- name: vector-cosine
SELECT id, round((1 - (embedding <=> '[1,1,1]'::vector))::numeric, 5) AS likeness FROM shop.products ORDER BY 2 DESC, 1 LIMIT 5

-- name: vector-inner-product
SELECT id FROM shop.products ORDER BY (embedding <#> '[3,1,2]') * -1 DESC, id LIMIT 3

-- name: vector-taxicab
SELECT id, embedding <+> '[0,0,0]' FROM shop.products ORDER BY 2, 1 LIMIT 3

-- name: vector-near-another
SELECT b.id FROM shop.products a JOIN shop.products b ON b.id <> a.id WHERE a.id = 3 ORDER BY a.embedding <-> b.embedding, b.id LIMIT 3

-- name: vector-within-a-distance
SELECT count(*) FROM shop.products WHERE embedding <-> '[1,1,1]' < 4

-- name: vector-functions
SELECT vector_dims(embedding), round(l2_distance(embedding, '[0,0,0]')::numeric, 4), round(cosine_distance(embedding, '[1,0,0]')::numeric, 4) FROM shop.products ORDER BY id LIMIT 2

-- name: vector-average
SELECT category, avg(embedding)::text FROM shop.products GROUP BY category ORDER BY category NULLS FIRST

-- name: vector-arithmetic
SELECT (embedding + '[1,1,1]' - '[0,1,0]')::text FROM shop.products ORDER BY id LIMIT 2

-- name: vector-joined-with-sales
SELECT p.id, sum(i.quantity) FROM shop.products p JOIN shop.items i ON i.product_id = p.id WHERE p.embedding <=> '[5,5,1]' < 0.3 GROUP BY p.id ORDER BY p.id
